"""How does state become confirmed? Fetch one subject's truth and store it, fenced and coalesced."""

import logging
from collections.abc import Callable
from typing import Protocol

import sqlalchemy as sa

from billing.database import moment, transaction
from billing.database.built import once, send, table
from billing.errors import BillingError
from billing.models import Cause
from billing.stripe_api.gateway import StripeGateway, gateway
from billing.stripe_sync import failures, inbox
from billing.stripe_sync.counters import Ticket, acquire
from billing.stripe_sync.subjects import MODELS, Kind, Part, Subject
from billing.stripe_sync.truths import charges, customers, products, test_clocks

log = logging.getLogger(__name__)

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
    except Exception as fault:
        is_known = isinstance(fault, BillingError) or failures.is_database_fault(fault)
        if not is_known:
            log.exception("refresh=%s outcome=unexpected", ticket.id)
        error = str(fault) if isinstance(fault, BillingError) else f"{type(fault).__name__}"
        final = failures.is_final(fault, is_last_try=ticket.is_last_try)
        fail(ticket, error if is_known else f"unexpected {error}", passing=not final)
    return False


def write(ticket: Ticket, truth: Truth, cause: Cause) -> bool:
    """Store what was fetched, unless a newer attempt has begun; then it is dropped whole.

    Says whether more is owed, which is then due at once.
    """
    with transaction():
        if send(_entering(ticket.kind), whose=ticket.id, f=ticket.fence).first() is None:
            log.warning("refresh=%s outcome=superseded fence=%d", ticket.id, ticket.fence)
            return False
        is_whole = truth.store(ticket.generation, cause)
        if is_whole:
            inbox.finish(ticket.id, ticket.generation)
        leaving = _leaving(ticket.kind)
        more = send(leaving, whose=ticket.id, g=ticket.generation, is_whole=is_whole).scalar_one()
    log.info("refresh=%s outcome=stored generation=%d", ticket.id, ticket.generation)
    return bool(more)


def fail(ticket: Ticket, error: str, *, passing: bool) -> None:
    """Give the lease back: try again later, or park and bury what was tried."""
    with transaction():
        newest = send(
            _giving_back(ticket.kind, passing),
            whose=ticket.id,
            f=ticket.fence,
            g=ticket.generation,
            pause=failures.pause_after(ticket.attempts),
            why=error,
        ).first()
        if newest is not None and not passing:
            inbox.bury(ticket.id, ticket.generation, error)
    outcome = "retry" if passing else "given_up"
    log.warning("refresh=%s outcome=%s error=%s", ticket.id, outcome, error)


@once
def _entering(kind: Kind) -> sa.Executable:
    """Touch the subject's row first, and only if no newer attempt has begun."""
    subjects = table(MODELS[kind])
    return (
        sa.update(subjects)
        .where(subjects.c.id == sa.bindparam("whose"), subjects.c.fence == sa.bindparam("f"))
        .values(lease_until=None, attempts=0, failing_since=None, last_error=None)
        .returning(subjects.c.id)
    )


@once
def _leaving(kind: Kind) -> sa.Executable:
    """Say what is confirmed now; what is owed beyond it is due at once."""
    subjects = table(MODELS[kind])
    columns = subjects.c
    is_whole = sa.bindparam("is_whole", type_=sa.Boolean())
    synced = sa.case((is_whole, sa.bindparam("g", type_=sa.BigInteger())), else_=columns.synced)
    owed = columns.requested > synced
    return (
        sa.update(subjects)
        .where(columns.id == sa.bindparam("whose"))
        .values(synced=synced, due_at=sa.case((owed, moment()), else_=sa.null()))
        .returning((columns.requested > columns.synced).label("more"))
    )


@once
def _giving_back(kind: Kind, passing: bool) -> sa.Executable:
    """Come back after a pause; what cannot pass is parked, unless more was asked for since."""
    subjects = table(MODELS[kind])
    columns = subjects.c
    again = moment(sa.bindparam("pause", type_=sa.Float()))
    newer = columns.requested > sa.bindparam("g")
    return (
        sa.update(subjects)
        .where(columns.id == sa.bindparam("whose"), columns.fence == sa.bindparam("f"))
        .values(
            lease_until=None,
            attempts=columns.attempts + 1,
            failing_since=sa.func.coalesce(columns.failing_since, moment()),
            last_error=sa.bindparam("why"),
            due_at=again if passing else sa.case((newer, moment()), else_=sa.null()),
        )
        .returning(columns.id)
    )
