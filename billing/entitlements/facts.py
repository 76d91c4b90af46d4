"""What is a user's standing decided from? All of it in one statement, and its version in less."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from billing.catalog.terms import FREE, PLAN_COLUMNS, Plan
from billing.database import direct, reading
from billing.entitlements.access import Subscription
from billing.errors import BillingError, NotFound
from billing.models import (
    Invoice,
    PlansVersion,
    StripeCustomer,
    StripeTestClock,
    SubscriptionPlan,
    User,
    UserSubscription,
)
from billing.stripe_api.page_addresses import stripe_page

PLANS = ("plan", "held_plan", "pending_plan")
OWN = tuple(field.name for field in fields(Subscription) if field.name not in PLANS)


class PlansMissing(BillingError):
    """The plans were never seeded, so nothing can be decided."""

    status = 503
    code = "plans_missing"
    retry_after = 30


@dataclass(frozen=True, slots=True)
class Version:
    """Changes with whatever a user's standing is decided from: theirs, and that of all plans."""

    of_user: int
    of_plans: int


@dataclass(frozen=True, slots=True)
class Action:
    """What the oldest open invoice needs of the customer: `pay`, `confirm` or `update_card`."""

    kind: str
    url: str | None
    due_at: datetime | None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Self | None:
        """Read it; None where nothing is needed."""
        if row.action is None:
            return None
        due_at = row.due_at or row.next_payment_attempt_at
        return cls(row.action, stripe_page(row.hosted_invoice_url), due_at)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored about a user, as of one version. `frozen_at` is their test clock's moment."""

    version: Version
    email: str | None
    user_created_at: datetime
    frozen_at: datetime | None
    free: Plan
    subscriptions: tuple[Subscription, ...]
    action: Action | None


def read(user_id: UUID) -> Facts:
    """Read them. Raises NotFound, PlansMissing."""
    with reading() as session:
        rows = session.connection().execute(_facts(), {"user_id": user_id}).all()
    if not rows:
        raise NotFound("There is no such user.")
    plans = {row.id: Plan.of(row) for row in rows if row.id is not None}
    free = next((plan for plan in plans.values() if plan.name == FREE), None)
    if free is None:
        raise PlansMissing("The plans are not set up yet.")
    first = rows[0]
    return Facts(
        version=Version(first.standing_version, first.plans_version),
        email=first.user_email,
        user_created_at=first.user_created_at,
        frozen_at=first.frozen_at,
        free=free,
        subscriptions=tuple(_subscriptions(rows, plans)),
        action=Action.of(first),
    )


def version_of(user_id: UUID) -> Version | None:
    """Read the version alone, at a tenth of the cost; None for an unknown user."""
    row = direct.read(_version(), {"user_id": user_id})
    return None if row is None else Version(*row)


def is_current() -> sa.ColumnElement[bool]:
    """Match while the version of the user named `whose` is `of_user` and `of_plans`."""
    of_user = sa.select(User.standing_version).where(User.id == sa.bindparam("whose"))
    return sa.and_(
        of_user.scalar_subquery() == sa.bindparam("of_user"),
        _plans_version() == sa.bindparam("of_plans"),
    )


def _subscriptions(rows: Iterable[sa.Row[Any]], plans: dict[UUID, Plan]) -> Iterable[Subscription]:
    """Each row is a subscription beside one of its plans, now or next, or the free one."""
    by_id = {row.subscription_id: row for row in rows if row.subscription_id is not None}
    for row in by_id.values():
        yield Subscription(
            **{name: getattr(row, f"subscription_{name}") for name in OWN},
            plan=plans.get(row.plan_id),
            held_plan=plans.get(row.held_plan_id),
            pending_plan=plans.get(row.pending_plan_id),
        )


@cache
def _version() -> sa.Select[int, int]:
    return sa.select(User.standing_version, _plans_version()).where(
        User.id == sa.bindparam("user_id")
    )


def _plans_version() -> sa.ColumnElement[int]:
    return sa.select(PlansVersion.version).scalar_subquery()


@cache
def _facts() -> sa.Select[Any]:
    another = aliased(UserSubscription)  # of another product: its invoices ask nothing here
    foreign = sa.exists().where(
        another.stripe_subscription_id == Invoice.stripe_subscription_id, ~another.is_ours
    )
    needing = (
        sa.select(Invoice.id)
        .where(
            Invoice.stripe_customer_id == User.stripe_customer_id,
            Invoice.status == "open",
            Invoice.action.is_not(None),
            ~foreign,
        )
        .order_by(Invoice.issued_at)
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    plans: list[Any] = [getattr(UserSubscription, f"{name}_id") for name in PLANS]
    return (
        sa.select(
            User.standing_version,
            _plans_version().label("plans_version"),
            User.email.label("user_email"),
            User.created_at.label("user_created_at"),
            StripeTestClock.frozen_at,
            Invoice.action,
            Invoice.hosted_invoice_url,
            Invoice.due_at,
            Invoice.next_payment_attempt_at,
            *plans,
            *(getattr(UserSubscription, name).label(f"subscription_{name}") for name in OWN),
            *PLAN_COLUMNS,
        )
        .select_from(User)
        .outerjoin(StripeCustomer, StripeCustomer.id == User.stripe_customer_id)
        .outerjoin(StripeTestClock, StripeTestClock.id == StripeCustomer.test_clock_id)
        .outerjoin(Invoice, Invoice.id == needing)
        .outerjoin(
            UserSubscription,
            sa.and_(UserSubscription.user_id == User.id, UserSubscription.is_ours),
        )
        .outerjoin(
            SubscriptionPlan,
            sa.or_(SubscriptionPlan.name == FREE, SubscriptionPlan.id.in_(plans)),
        )
        .where(User.id == sa.bindparam("user_id"))
        .order_by(UserSubscription.id)
    )
