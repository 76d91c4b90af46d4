"""Idempotency keys of requests to Stripe, renewed after an answer that Stripe would replay.

Stripe keeps the answer of a key for at least 24 hours, refusals and 500s included
(https://docs.stripe.com/api/idempotent_requests).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa

from billing import clock
from billing.database import insert_or_nothing, reading, transaction
from billing.errors import BillingError
from billing.models import StripeAttempt
from billing.stripe_api.faults import StripeFailed, is_refusal

KEPT = timedelta(days=30)
"""How long a number is kept; by then Stripe has forgotten the keys before it."""


@contextmanager
def attempt(name: str) -> Iterator[str]:
    """Yield the idempotency key of the present attempt at a request.

    A refusal or a 5xx ends the attempt: the next one has another key. After a timeout, a lost
    connection, a 409 or a 429 the key stays, because the request may have been done. Use it where
    an unseen success does no harm, or where the caller looks at Stripe before asking again.
    """
    number = _number_of(name)
    try:
        yield name if number == 1 else f"{name}:{number}"
    except BillingError as error:
        if isinstance(error, StripeFailed) or is_refusal(error):
            _end(name, number)
        raise


def _number_of(name: str) -> int:
    with reading() as session:
        statement = sa.select(StripeAttempt.number).where(StripeAttempt.name == name)
        return session.scalar(statement) or 1


def _end(name: str, number: int) -> None:
    """Count one attempt more, once for all that shared its key."""
    row = {"name": name, "number": 1}
    with transaction() as session:
        session.execute(
            sa.delete(StripeAttempt).where(StripeAttempt.updated_at < clock.utc_now() - KEPT)
        )
        session.execute(insert_or_nothing(StripeAttempt, row, key="name"))
        session.execute(
            sa.update(StripeAttempt)
            .where(StripeAttempt.name == name, StripeAttempt.number == number)
            .values(number=number + 1)
        )
