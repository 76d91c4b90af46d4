"""What changed, in which order? Noted by whoever writes; read by whoever follows.

Ids are handed out in the order of commits, so a reader who has seen an id has seen all below it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from billing.database import db, dialect_name, reading
from billing.database.built import table
from billing.models import Change

NOTED = "billing_changes"
LOCK = 0x62696C6C
"""The number of the advisory lock; it means nothing but itself."""

TAKE_LOCK = sa.select(sa.func.pg_advisory_xact_lock(LOCK))
INSERT = sa.insert(table(Change)).inline()
OF_NOBODY = dict.fromkeys(("stripe_id", "plan", "user_id", "stripe_event_id", "reason"))


class Kind(StrEnum):
    """What is told of. A plan's edit is told once, whoever holds the plan."""

    SUBSCRIPTION = "subscription_changed"
    PLAN = "plan_changed"


@dataclass(frozen=True, slots=True)
class Noted:
    """What changed: of a subscription at Stripe or of a plan, for which user, why, when."""

    id: str
    kind: Kind
    user: UUID | None
    stripe_id: str | None
    plan: str | None
    field: str
    before: Any
    after: Any
    cause: str
    event: str | None
    at: datetime


def note(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows of `changes` as the last act of the open transaction."""
    db.session().info.setdefault(NOTED, []).extend(rows)


def after(cursor: int, limit: int) -> list[Noted]:
    """Read what was committed after the change with that id, in the order of commits."""
    statement = sa.select(Change).where(Change.id > cursor).order_by(Change.id).limit(limit)
    with reading() as session:
        return [_told(row) for row in session.scalars(statement)]


@sa.event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Give out ids one transaction at a time; the lock is held until the commit is visible.

    Nothing is locked after it, so it takes part in no deadlock.
    """
    rows = session.info.pop(NOTED, None)
    if not rows:
        return
    session.flush()  # so that nothing is locked later
    connection = session.connection()
    if dialect_name() == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(TAKE_LOCK)
    connection.execute(INSERT, [OF_NOBODY | row for row in rows])


@sa.event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(NOTED, None)


def _told(row: Change) -> Noted:
    return Noted(
        id=str(row.id),
        kind=Kind.SUBSCRIPTION if row.plan is None else Kind.PLAN,
        user=row.user_id,
        stripe_id=row.stripe_id,
        plan=row.plan,
        field=row.field,
        before=row.before,
        after=row.after,
        cause=row.cause,
        event=row.stripe_event_id,
        at=row.created_at,
    )
