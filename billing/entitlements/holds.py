"""What is reserved? The rows of reservations, moved inside the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import db, direct
from billing.database.built import unless_taken
from billing.entitlements import counters
from billing.entitlements.place import Place
from billing.entitlements.windows import Window
from billing.models import Metric, ReservationState, UsageReservation

ROW = UsageReservation


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation: how much of what, until when, and how it stands."""

    id: UUID
    metric: Metric
    amount: int
    kept: int | None
    state: ReservationState
    expires_at: datetime
    place: Place

    @classmethod
    def of(cls, row: UsageReservation) -> Self:
        """Read a row; its place is where it was counted, or where that count has moved."""
        window = Window(row.period_start, row.period_start)
        return cls(
            id=row.id,
            metric=Metric(row.metric),
            amount=row.amount,
            kept=row.kept,
            state=ReservationState(row.state),
            expires_at=row.expires_at,
            place=Place(row.user_id, window, row.day, clock.utc_now()),
        )


def note(run: direct.Run, values: dict[str, Any]) -> bool:
    """Insert a reservation; False if its key stands for one already."""
    statement = unless_taken(ROW, tuple(values), key="user_id key")
    return run(statement, values) is not None


def find(*wanted: sa.ColumnElement[bool]) -> Hold | None:
    """Read and lock one reservation."""
    row = db.session.scalar(sa.select(ROW).where(*wanted).with_for_update())
    return None if row is None else Hold.of(row)


def close(hold: Hold, state: ReservationState, kept: int) -> None:
    """End a held reservation: `kept` stays counted, the rest is given back."""
    db.session.execute(sa.update(ROW).where(ROW.id == hold.id).values(state=state, kept=kept))
    if kept < hold.amount:
        counters.give_back(hold.place, hold.metric, hold.amount - kept)


def expire(user_id: UUID) -> None:
    """Give back what the user's overdue reservations still hold."""
    overdue = db.session.scalars(
        sa.select(ROW)
        .where(
            ROW.user_id == user_id,
            ROW.state == ReservationState.HELD,
            ROW.expires_at <= clock.utc_now(),
        )
        .order_by(ROW.id)
        .with_for_update()
    ).all()
    for row in overdue:
        close(Hold.of(row), ReservationState.EXPIRED, kept=0)
