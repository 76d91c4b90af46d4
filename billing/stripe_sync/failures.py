"""The one decision about a failure: may a later attempt succeed, when, and for how long?"""

import random
from datetime import timedelta

from billing.errors import DatabaseUnavailable, is_database_away
from billing.stripe_api.faults import CardDeclined, StripeRefusal
from billing.stripe_sync.dispatch import BrokenEvent

GIVE_UP_AFTER = timedelta(days=3)
FIRST_PAUSE = 5
LONGEST_PAUSE = 3600


def is_final(error: Exception, *, is_last_try: bool) -> bool:
    """Return whether to give up: after Stripe's definite answer, or when the patience is over.

    A database that is locked or away says nothing about the object: it never ends the attempts.
    """
    if isinstance(error, StripeRefusal | CardDeclined | BrokenEvent):
        return True
    return is_last_try and not is_database_fault(error)


def is_database_fault(error: Exception) -> bool:
    """Return whether the database was locked, busy or away."""
    return isinstance(error, DatabaseUnavailable) or is_database_away(error)


def pause_after(attempts: int) -> float:
    """Return the seconds until the next attempt: 5 s doubling to an hour, with jitter."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts, 12))
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - only jitter
