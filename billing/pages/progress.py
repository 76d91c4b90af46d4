"""How far is a purchase? In a word for programs, and in words for people."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from billing.database import reading
from billing.entitlements import Standing, standing_of
from billing.errors import NotFound
from billing.models import CheckoutState, OpenCheckout


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a purchase stands: `pending`, `active` or `expired`."""

    state: str
    title: str
    text: str


def progress_of(user_id: UUID, session_id: str | None) -> Progress:
    """Tell how far the purchase is. Raises NotFound for another user's session."""
    standing = standing_of(user_id)
    if session_id is not None and _state_of(user_id, session_id) == CheckoutState.EXPIRED:
        return Progress("expired", "This checkout has expired", "Nothing was paid. Begin anew.")
    return _active(standing) if standing.plan.rank > 0 else _pending()


def _active(standing: Standing) -> Progress:
    name = standing.plan.display_name
    return Progress("active", f"You are on {name}", "Everything in it is yours from now on.")


def _pending() -> Progress:
    return Progress(
        "pending",
        "Thank you",
        "We are waiting for Stripe to confirm the payment. This takes a few seconds.",
    )


def _state_of(user_id: UUID, session_id: str) -> str:
    with reading() as session:
        state = session.scalar(
            sa.select(OpenCheckout.state).where(
                OpenCheckout.stripe_session_id == session_id, OpenCheckout.user_id == user_id
            )
        )
    if state is None:
        raise NotFound("There is no such checkout of yours.")
    return state
