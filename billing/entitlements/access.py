"""Which plan applies to a user at a moment, why, and until when? One pure function."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from billing.catalog.terms import Plan
from billing.models import Status
from config import Config

VOID = "void"
UNPAID_ENDS = {"payment_failed", "payment_disputed"}
"""Reasons for an end whose last period was not paid for: nothing was paid through."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)
FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Reason(StrEnum):
    """Why the plan is what it is."""

    NO_SUBSCRIPTION = "no_subscription"
    ACTIVE = "active"
    TRIALING = "trialing"
    COLLECTION_PAUSED = "collection_paused"
    COLLECTION_VOIDED = "collection_voided"
    GRACE = "grace"
    GRACE_OVER = "grace_over"
    UNPAID = "unpaid"
    PAUSED = "paused"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    PAID_THROUGH = "paid_through"
    ENDED = "ended"
    DISPUTED = "disputed"
    UNKNOWN_STATUS = "unknown_status"
    UNMAPPED_PRICE = "unmapped_price"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided about money that is late, paused or paid ahead."""

    grace: timedelta = timedelta(days=7)
    keep_paid_through: bool = False
    keep_on_void_pause: bool = False
    suspend_on_dispute: bool = False

    @classmethod
    def of(cls, config: Config) -> Self:
        """Read it from the settings."""
        return cls(
            timedelta(days=config.past_due_grace_days),
            config.keep_paid_through,
            config.keep_on_void_pause,
            config.suspend_on_dispute,
        )


@dataclass(frozen=True, slots=True)
class Subscription:
    """A stored subscription as the decision needs it. `plan` is None for an unmapped price."""

    id: UUID
    stripe_subscription_id: str
    status: str
    plan: Plan | None
    held_plan: Plan | None
    as_of: datetime
    confirmed: bool
    quantity: int | None = None
    interval: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    cancel_at: datetime | None = None
    cancellation_reason: str | None = None
    trial_end: datetime | None = None
    past_due_since: datetime | None = None
    pause_collection: str | None = None
    is_disputed: bool = False
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    billing_cycle_anchor: datetime | None = None
    pending_plan: Plan | None = None
    pending_change_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The decision. `plan` is None for the free plan; `until` is a known end of it, if any."""

    plan: Plan | None
    subscription: Subscription | None
    reason: Reason
    until: datetime | None = None


def decide(subscriptions: Iterable[Subscription], policy: Policy, moment: datetime) -> Access:
    """Judge each subscription alone; the granted plan of the highest rank wins."""
    judged = [_judge(subscription, policy, moment) for subscription in subscriptions]
    return max(judged, key=_weight, default=Access(None, None, Reason.NO_SUBSCRIPTION))


def steady_until(
    subscriptions: Iterable[Subscription], policy: Policy, moment: datetime
) -> datetime:
    """Return a moment before which time alone cannot change the decision; it may be too early.

    Every moment that a subscription knows counts as one, whether a rule looks at it or not.
    """
    turns = (turn for one in subscriptions for turn in _turns(one, policy))
    return min((turn for turn in turns if moment < turn), default=FOR_EVER)


def _turns(subscription: Subscription, policy: Policy) -> Iterator[datetime]:
    known = (getattr(subscription, field.name) for field in fields(subscription))
    yield from (value for value in known if isinstance(value, datetime))
    if subscription.past_due_since is not None:
        yield subscription.past_due_since + policy.grace


def _judge(subscription: Subscription, policy: Policy, moment: datetime) -> Access:
    reason, granted, until = _rule(subscription, policy, moment)
    if not granted:
        return Access(None, subscription, reason)
    if reason is Reason.UNKNOWN_STATUS:
        return Access(subscription.held_plan, subscription, reason)
    if subscription.plan is None:
        return Access(subscription.held_plan, subscription, Reason.UNMAPPED_PRICE, until)
    return Access(subscription.plan, subscription, reason, until)


def _rule(
    subscription: Subscription, policy: Policy, moment: datetime
) -> tuple[Reason, bool, datetime | None]:
    """Name the reason, whether the plan is granted, and the end of that if it is known."""
    status = Status.read(subscription.status)
    if subscription.is_disputed and policy.suspend_on_dispute and not status.is_terminal:
        return Reason.DISPUTED, False, None
    if status is Status.UNKNOWN:
        return Reason.UNKNOWN_STATUS, True, None
    if status is Status.CANCELED:
        return _after_the_end(subscription, policy, moment)
    if status not in {Status.ACTIVE, Status.TRIALING, Status.PAST_DUE}:
        return Reason(status.value), False, None
    if subscription.pause_collection == VOID and not policy.keep_on_void_pause:
        return Reason.COLLECTION_VOIDED, False, None
    if status is Status.PAST_DUE:
        return _while_owing(subscription, policy, moment)
    reason = Reason.COLLECTION_PAUSED if subscription.pause_collection else Reason(status.value)
    return reason, True, _ahead(subscription.expires_at, moment)


def _while_owing(
    subscription: Subscription, policy: Policy, moment: datetime
) -> tuple[Reason, bool, datetime | None]:
    if subscription.past_due_since is None:  # provisional: the refresh under way will tell
        return Reason.GRACE, True, None
    until = subscription.past_due_since + policy.grace
    if moment < until:
        return Reason.GRACE, True, until
    return Reason.GRACE_OVER, False, None


def _after_the_end(
    subscription: Subscription, policy: Policy, moment: datetime
) -> tuple[Reason, bool, datetime | None]:
    until = _ahead(subscription.ended_at, moment)
    if policy.keep_paid_through and subscription.cancellation_reason not in UNPAID_ENDS:
        until = _ahead(subscription.current_period_end, moment) or until
    if until is None:
        return Reason.ENDED, False, None
    return Reason.PAID_THROUGH, True, until


def _ahead(until: datetime | None, moment: datetime) -> datetime | None:
    """Keep only an end that lies ahead; past it, the word is Stripe's."""
    return until if until is not None and moment < until else None


def _weight(access: Access) -> tuple[int, bool, datetime, datetime, UUID]:
    """Order decisions: rank, then not ended, then the longest, then the newest."""
    subscription = access.subscription
    assert subscription is not None  # noqa: S101 - only judged subscriptions are weighed
    return (
        access.plan.rank if access.plan else -1,
        not Status.read(subscription.status).is_terminal,
        access.until or FOR_EVER,
        subscription.started_at or LONG_AGO,
        subscription.id,
    )
