"""How far is a purchase? In a word for programs, and in words for people."""

from dataclasses import dataclass
from uuid import UUID

from billing.entitlements import forget_standings, standing_of
from billing.sales.arrivals import Arrival, look

WORDS = {
    Arrival.PENDING: (
        "Thank you",
        "We are waiting for Stripe to confirm the payment. This takes a few seconds.",
    ),
    Arrival.ACTIVE: ("You are on {plan}", "Everything in it is yours from now on."),
    Arrival.FAILED: (
        "The payment did not go through",
        "Nothing was bought. You can choose a plan again, perhaps with another card.",
    ),
    Arrival.EXPIRED: (
        "This checkout has expired",
        "Nothing was paid. Choose a plan again whenever you like.",
    ),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a purchase stands."""

    state: Arrival
    title: str
    text: str


def progress_of(user_id: UUID, session_id: str) -> Progress:
    """Tell how far the purchase is. Raises NotFound, also for another user's session."""
    state = look(user_id, session_id).state
    forget_standings()  # the look may have brought our rows up to date
    title, text = WORDS[state]
    return Progress(state, title.format(plan=standing_of(user_id).plan.display_name), text)
