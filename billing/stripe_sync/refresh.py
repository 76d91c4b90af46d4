"""How does state become confirmed? Fetch one subject's truth and store it, fenced and coalesced."""

import logging
import random
from collections.abc import Callable
from typing import Any, Protocol

import sqlalchemy as sa

from billing.database import moment, transaction
from billing.errors import BillingError, StripeUnavailable
from billing.models import Cause
from billing.stripe_api.gateway import StripeGateway, gateway
from billing.stripe_sync import inbox
from billing.stripe_sync.counters import Ticket, acquire
from billing.stripe_sync.subjects import MODELS, Kind, Part, Subject
from billing.stripe_sync.truths import charges, customers, products, test_clocks

log = logging.getLogger(__name__)

FIRST_PAUSE = 5
LONGEST_PAUSE = 3600
ROUNDS = 5


class Truth(Protocol):
    """What was fetched of a subject."""

    def store(self, generation: int, cause: Cause) -> bool:
        """Write it; say whether everything written earlier is contained in it."""


FETCH: dict[Kind, Callable[[StripeGateway, str, frozenset[Part]], Truth]] = {
    Kind.CUSTOMER: customers.fetch,
    Kind.PRODUCT: products.fetch,
    Kind.CHARGE: charges.fetch,
    Kind.TEST_CLOCK: test_clocks.fetch,
}


def run(subject: Subject, cause: Cause = Cause.REFRESH) -> None:
    """Refresh until nothing is owed, another is at it, or Stripe fails. Never raises for Stripe."""
    for _ in range(ROUNDS):
        ticket = acquire(subject.kind, subject.id)
        if ticket is None or not attempt(ticket, cause):
            return


def attempt(ticket: Ticket, cause: Cause) -> bool:
    """Fetch outside of any transaction, then write; say whether more was asked for meanwhile."""
    try:
        truth = FETCH[ticket.kind](gateway(), ticket.id, ticket.parts)
        return write(ticket, truth, cause)
    except StripeUnavailable as fault:
        fail(ticket, str(fault), passing=not ticket.is_last_try)
    except BillingError as fault:
        fail(ticket, fault.detail, passing=False)
    except Exception as fault:
        log.exception("refresh=%s outcome=unexpected", ticket.id)
        fail(ticket, f"unexpected {type(fault).__name__}", passing=not ticket.is_last_try)
    return False


def write(ticket: Ticket, truth: Truth, cause: Cause) -> bool:
    """Store what was fetched, unless a newer attempt has begun; then it is dropped whole.

    Says whether more is owed, which is then due at once.
    """
    model = MODELS[ticket.kind]
    with transaction() as session:
        newest = session.scalar(
            sa.update(model)
            .where(model.id == ticket.id, model.fence == ticket.fence)
            .values(lease_until=None, attempts=0, failing_since=None, last_error=None)
            .returning(model.id)
        )
        if newest is None:
            log.warning("refresh=%s outcome=superseded fence=%d", ticket.id, ticket.fence)
            return False
        synced: Any = model.synced
        if truth.store(ticket.generation, cause):
            synced = sa.literal(ticket.generation, sa.BigInteger())
            inbox.finish(ticket.id, ticket.generation)
        owed = model.requested > synced
        more = session.scalars(
            sa.update(model)
            .where(model.id == ticket.id)
            .values(synced=synced, due_at=sa.case((owed, moment()), else_=sa.null()))
            .returning(owed)
        ).one()
    log.info("refresh=%s outcome=stored generation=%d", ticket.id, ticket.generation)
    return bool(more)


def fail(ticket: Ticket, error: str, *, passing: bool) -> None:
    """Give the lease back: try again later, or park and bury what was tried."""
    model = MODELS[ticket.kind]
    again = moment(_pause(ticket.attempts)) if passing else sa.null()
    newer = model.requested > ticket.generation
    with transaction() as session:
        newest = session.scalar(
            sa.update(model)
            .where(model.id == ticket.id, model.fence == ticket.fence)
            .values(
                lease_until=None,
                attempts=model.attempts + 1,
                failing_since=sa.func.coalesce(model.failing_since, moment()),
                last_error=error,
                due_at=again if passing else sa.case((newer, moment()), else_=sa.null()),
            )
            .returning(model.id)
        )
        if newest is not None and not passing:
            inbox.bury(ticket.id, ticket.generation, error)
    outcome = "retry" if passing else "given_up"
    log.warning("refresh=%s outcome=%s error=%s", ticket.id, outcome, error)


def _pause(attempts: int) -> float:
    grown: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts, 12))
    return grown * random.uniform(0.8, 1.2)  # noqa: S311 - only jitter
