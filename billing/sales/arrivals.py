"""Has what was bought arrived? A customer comes back from Stripe, perhaps before its events."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database import reading
from billing.errors import NotFound, StripeUnavailable
from billing.models import CheckoutState, OpenCheckout, Status, UserSubscription
from billing.sales.truth import catch_up
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.gateway import gateway
from billing.stripe_sync.subjects import Part

BUDGET = 4.0
"""Seconds that a look may take; whoever comes back asks again anyway."""

SOON = 1


class Arrival(StrEnum):
    """How far a checkout got."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILED = "failed"
    EXPIRED = "expired"


ARRIVED = {Status.ACTIVE, Status.TRIALING, Status.PAST_DUE}
WAITING = {Status.INCOMPLETE, Status.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a checkout; `retry_after` in seconds, None when nothing more will come."""

    state: Arrival
    as_of: datetime | None
    retry_after: int | None


def look(user_id: UUID, session_id: str) -> Look:
    """Tell how far the user's own checkout got, asking Stripe where we may be behind.

    Stripe away or slow: what is known. Raises NotFound, also for somebody else's session.
    """
    known = _stored(user_id, session_id)
    if _is_settled(known):
        return _told(known)
    try:
        with transport.within(min(BUDGET, settings().request_budget)):
            _pull(known, session_id)
    except StripeUnavailable:
        return _told(known)
    return _told(_stored(user_id, session_id))


def _pull(known: sa.Row[Any], session_id: str) -> None:
    """Fetch everything, once the session is over; until then that one question is enough."""
    if known.state == CheckoutState.OPEN:
        now = gateway().checkout_session(session_id)
        if now.status == CheckoutState.OPEN:
            return
    catch_up(known.stripe_customer_id, Part.CHECKOUTS)


def _stored(user_id: UUID, session_id: str) -> sa.Row[Any]:
    columns: list[Any] = [
        OpenCheckout.state,
        OpenCheckout.stripe_customer_id,
        UserSubscription.status,
        UserSubscription.as_of,
    ]
    statement = (
        sa.select(*columns)
        .outerjoin(
            UserSubscription,
            UserSubscription.stripe_subscription_id == OpenCheckout.stripe_subscription_id,
        )
        .where(OpenCheckout.user_id == user_id, OpenCheckout.stripe_session_id == session_id)
    )
    with reading() as session:
        found = session.execute(statement).first()
    if found is None:
        raise NotFound("There is no such checkout.")
    return found


def _is_settled(known: sa.Row[Any]) -> bool:
    if known.state == CheckoutState.COMPLETE:
        return known.status is not None and Status.read(known.status) not in WAITING
    return bool(known.state == CheckoutState.EXPIRED)


def _told(known: sa.Row[Any]) -> Look:
    if known.state == CheckoutState.EXPIRED:
        return Look(Arrival.EXPIRED, None, None)
    if not _is_settled(known):
        return Look(Arrival.PENDING, known.as_of, SOON)
    arrived = Status.read(known.status) in ARRIVED
    return Look(Arrival.ACTIVE if arrived else Arrival.FAILED, known.as_of, None)
