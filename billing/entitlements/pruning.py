"""What is no longer needed to count and answer rightly? Old keys, reservations that ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import moment, transaction
from billing.models import IdempotencyKey, ReservationState, UsageKey, UsageReservation

BATCH = 1000
NO_ID = UUID(int=0)

Prunable = type[UsageKey] | type[UsageReservation] | type[IdempotencyKey]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows are gone: keys of counted calls, reservations, answers kept for a repeat."""

    keys: int
    reservations: int
    answers: int


def prune(older_than: timedelta, batch: int = BATCH) -> Pruned:
    """Delete keys of counted calls, and ended reservations, that were not touched for so long.

    A key that is gone would count again. Held reservations stay: they still decide. Answers to an
    `Idempotency-Key` go when their day is over, but not from under a request that is worked on.
    Each batch is a transaction of its own, so that nobody who counts waits long.
    """
    before = clock.utc_now() - older_than
    ended = UsageReservation.state != ReservationState.HELD
    return Pruned(
        keys=_prune(UsageKey, UsageKey.created_at < before, batch),
        reservations=_prune(
            UsageReservation, sa.and_(ended, UsageReservation.updated_at < before), batch
        ),
        answers=_prune(IdempotencyKey, sa.and_(_is_over(), ~_is_at_work()), batch),
    )


def _is_over() -> sa.ColumnElement[bool]:
    return IdempotencyKey.expires_at <= moment()


def _is_at_work() -> sa.ColumnElement[bool]:
    return sa.and_(IdempotencyKey.status.is_(None), IdempotencyKey.claimed_until > moment())


def _prune(row: Prunable, old: sa.ColumnElement[bool], batch: int) -> int:
    """Walk the table once, by its primary key."""
    pruned, last = 0, NO_ID
    while deleted := _delete(row, sa.and_(old, row.id > last), batch):
        pruned, last = pruned + len(deleted), max(deleted)
    return pruned


def _delete(row: Prunable, wanted: sa.ColumnElement[bool], batch: int) -> Sequence[UUID]:
    first = sa.select(row.id).where(wanted).order_by(row.id).limit(batch)
    with transaction() as session:
        return session.scalars(sa.delete(row).where(row.id.in_(first)).returning(row.id)).all()
