"""What does Stripe hold now? Our rows are brought there before a caller gets an answer."""

import time

import sqlalchemy as sa

from billing.database import reading, transaction
from billing.errors import StripeUnavailable
from billing.models import StripeCustomer
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.subjects import Part, Subject

PAUSE = 0.05


class NotConfirmedYet(StripeUnavailable):
    """What was asked for is done at Stripe, and the fetch that would show it did not succeed."""

    code = "not_confirmed_yet"
    retry_after = 1


def generation_of(customer_id: str) -> int:
    """Count what was asked for so far; read before Stripe, it tells one state from the next."""
    with reading() as session:
        return (
            session.scalar(
                sa.select(StripeCustomer.requested).where(StripeCustomer.id == customer_id)
            )
            or 0
        )


def catch_up(customer_id: str, *parts: Part) -> None:
    """Confirm what Stripe holds from now on. Raises NotConfirmedYet if that takes too long.

    Another refresh may be at it: then its result is awaited, or the next one run.
    """
    subject = Subject.customer(customer_id, *parts)
    with transaction():
        wanted = counters.ask(subject)
    with transport.within(settings().request_budget):
        while not _is_synced(customer_id, wanted):
            refresh.run(subject)
            if _is_synced(customer_id, wanted):
                return
            if (transport.remaining() or 0) <= PAUSE:
                raise NotConfirmedYet("Stripe has it; ask again in a moment to see it here.")
            time.sleep(PAUSE)


def _is_synced(customer_id: str, generation: int) -> bool:
    with reading() as session:
        synced = session.scalar(
            sa.select(StripeCustomer.synced).where(StripeCustomer.id == customer_id)
        )
    return (synced or 0) >= generation
