"""Rows with good defaults: a test states only what matters to it. Each commits by itself."""

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import Base, db, transaction
from billing.identity import tokens
from billing.models import (
    PlanPrice,
    Status,
    StripeCustomer,
    SubscriptionPlan,
    User,
    UserSubscription,
)

RANKS = {"free": 0, "pro": 10, "enterprise": 20}

Row = TypeVar("Row", bound=Base)
_numbers = itertools.count(1)


def saved(row: Row) -> Row:
    """Store a row of any kind and return it."""
    with transaction() as session:
        session.add(row)
    return row


def a_user(**values: Any) -> User:
    """A user without a password and without a Stripe customer."""
    return saved(User(**{"email": f"user{next(_numbers)}@example.com", **values}))


def auth(user_id: UUID) -> dict[str, str]:
    """The header with which that user calls."""
    return {"Authorization": f"Bearer {tokens.issue(user_id, clock.utc_now())}"}


def a_plan(name: str = "pro", **values: Any) -> SubscriptionPlan:
    """A plan on sale, without any feature or quota. Asked for again, the same plan."""
    held = db.session.scalar(sa.select(SubscriptionPlan).where(SubscriptionPlan.name == name))
    if held is not None:
        return held
    defaults = {
        "name": name,
        "display_name": name.title(),
        "rank": RANKS.get(name, 5),
        "price_cents": RANKS.get(name, 5) * 100,
        "rate_limit_multiplier": Decimal(1),
    }
    return saved(SubscriptionPlan(**defaults | values))


def a_price(plan: SubscriptionPlan, **values: Any) -> PlanPrice:
    """A monthly price that buys the plan."""
    defaults = {
        "plan_id": plan.id,
        "stripe_price_id": f"price_{plan.name}_{next(_numbers)}",
        "lookup_key": f"{plan.name}_month",
        "currency": "usd",
        "interval": "month",
        "unit_amount": plan.price_cents,
        "offered": True,
    }
    return saved(PlanPrice(**defaults | values))


def a_customer(user: User | None = None, **values: Any) -> StripeCustomer:
    """A Stripe customer as we follow it, linked to the user if one is given."""
    customer = saved(StripeCustomer(**{"id": f"cus_{next(_numbers):06}", **values}))
    if user is not None:
        with transaction() as session:
            session.execute(
                sa.update(User).where(User.id == user.id).values(stripe_customer_id=customer.id)
            )
    return customer


def a_subscription(
    user: User | None = None, plan: SubscriptionPlan | None = None, **values: Any
) -> UserSubscription:
    """An active, confirmed monthly subscription in the middle of its period."""
    customer_id = values.pop("stripe_customer_id", None) or _customer_of(user)
    now = clock.utc_now().replace(microsecond=0)
    started = now - timedelta(days=15)
    defaults = {
        "user_id": user and user.id,
        "plan_id": plan and plan.id,
        "held_plan_id": plan and plan.id,
        "stripe_subscription_id": f"sub_{next(_numbers):06}",
        "stripe_customer_id": customer_id,
        "status": Status.ACTIVE,
        "quantity": 1,
        "started_at": started,
        "current_period_start": started,
        "current_period_end": started + timedelta(days=30),
        "billing_cycle_anchor": started,
        "interval": "month",
        "as_of": now,
        "confirmed": True,
    }
    return saved(UserSubscription(**defaults | values))


def _customer_of(user: User | None) -> str:
    """The user's customer, made if there is none."""
    held = user and db.session.scalar(sa.select(User.stripe_customer_id).where(User.id == user.id))
    return held or a_customer(user).id
