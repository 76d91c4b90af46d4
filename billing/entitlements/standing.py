"""Where does a user stand now? The plan in force and all that was decided from, in one read."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import g, has_request_context

from billing import clock
from billing.catalog.terms import FREE, PLAN_COLUMNS, Plan
from billing.database import reading
from billing.entitlements.access import Access, Policy, Subscription, decide
from billing.errors import BillingError, NotFound
from billing.models import (
    Invoice,
    Metric,
    StripeCustomer,
    StripeTestClock,
    SubscriptionPlan,
    User,
    UserSubscription,
)
from billing.settings import settings

PLANS = ("plan", "held_plan", "pending_plan")
OWN = tuple(field.name for field in fields(Subscription) if field.name not in PLANS)


class PlansMissing(BillingError):
    """The plans were never seeded, so nothing can be decided."""

    status = 503
    code = "plans_missing"
    retry_after = 30


@dataclass(frozen=True, slots=True)
class Action:
    """What the oldest open invoice needs of the customer: `pay`, `confirm` or `update_card`."""

    kind: str
    url: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's plan at a moment, and the subscriptions that it was decided from."""

    user_id: UUID
    email: str | None
    user_created_at: datetime
    plan: Plan
    access: Access
    subscriptions: tuple[Subscription, ...]
    moment: datetime
    action: Action | None

    def limit(self, metric: Metric) -> int | None:
        """Return the quota in force, times the seats where it is sold by the seat."""
        quota = self.plan.quotas[metric]
        if quota is None or not self.plan.rule(metric).per_seat or self.access.plan is None:
            return quota
        subscription = self.access.subscription
        return quota * max(1, (subscription and subscription.quantity) or 1)

    @property
    def as_of(self) -> datetime | None:
        """When the newest of what is shown was so at Stripe; None without a subscription."""
        return max((one.as_of for one in self.subscriptions), default=None)

    @property
    def confirmed(self) -> bool:
        """Tell whether nothing shown still waits to be confirmed by Stripe."""
        return all(one.confirmed for one in self.subscriptions)


def standing_of(user_id: UUID) -> Standing:
    """Read and decide in one SQL statement; asked again in the same request, it is remembered.

    Raises NotFound for an unknown user, PlansMissing before the plans are seeded.
    """
    if not has_request_context():
        return _read(user_id)
    known: dict[UUID, Standing] = g.setdefault("standings", {})
    if user_id not in known:
        known[user_id] = _read(user_id)
    return known[user_id]


def forget_standings() -> None:
    """Read anew from here on, after this request itself has changed something."""
    g.pop("standings", None)


def _read(user_id: UUID) -> Standing:
    with reading() as session:
        rows = session.connection().execute(_statement(), {"user_id": user_id}).all()
    if not rows:
        raise NotFound("There is no such user.")
    plans = {row.id: Plan.of(row) for row in rows if row.id is not None}
    free = next((plan for plan in plans.values() if plan.name == FREE), None)
    if free is None:
        raise PlansMissing("The plans are not set up yet.")
    first = rows[0]
    moment = (None if settings().livemode else first.frozen_at) or clock.utc_now()
    subscriptions = tuple(_subscriptions(rows, plans))
    access = decide(subscriptions, Policy.of(settings()), moment)
    return Standing(
        user_id=user_id,
        email=first.user_email,
        user_created_at=first.user_created_at,
        plan=access.plan or free,
        access=access,
        subscriptions=subscriptions,
        moment=moment,
        action=_action(first),
    )


def _action(row: sa.Row[Any]) -> Action | None:
    if row.action is None:
        return None
    return Action(row.action, row.hosted_invoice_url, row.due_at or row.next_payment_attempt_at)


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
def _statement() -> sa.Select[Any]:
    needing = (
        sa.select(Invoice.id)
        .where(
            Invoice.stripe_customer_id == User.stripe_customer_id,
            Invoice.status == "open",
            Invoice.action.is_not(None),
        )
        .order_by(Invoice.issued_at)
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    plans: list[Any] = [getattr(UserSubscription, f"{name}_id") for name in PLANS]
    return (
        sa.select(
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
        .outerjoin(UserSubscription, UserSubscription.user_id == User.id)
        .outerjoin(
            SubscriptionPlan,
            sa.or_(SubscriptionPlan.name == FREE, SubscriptionPlan.id.in_(plans)),
        )
        .where(User.id == sa.bindparam("user_id"))
        .order_by(UserSubscription.id)
    )
