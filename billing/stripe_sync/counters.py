"""What is owed, and who may write it? The counters of the refresh protocol.

docs/protocol.md explains each guard and shows that it is needed.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from billing import clock
from billing.database import UtcDateTime, direct, insert, moment, reading
from billing.database.built import once, send, table
from billing.settings import settings
from billing.stripe_sync.failures import GIVE_UP_AFTER
from billing.stripe_sync.subjects import MODELS, Kind, Part, Subject

Columns = sa.sql.base.ReadOnlyColumnCollection[str, sa.Column[Any]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to write one fetch: its fence, the generation it will confirm, what to fetch."""

    kind: Kind
    id: str
    fence: int
    generation: int
    attempts: int
    parts: frozenset[Part]
    is_last_try: bool


def ask(subject: Subject) -> int:
    """Say that the subject has changed; return the generation that will contain the change.

    Runs in the caller's transaction and must be its first statement that locks a row.
    """
    asked = send(
        _asking(subject.kind, subject.parts),
        new_id=subject.id,
        debounce=settings().refresh_debounce,
        now=clock.utc_now(),
    )
    return int(asked.scalar_one())


def acquire(kind: Kind, subject_id: str) -> Ticket | None:
    """Take the lease if something is owed and due; None if not, or if another holds it."""
    row = direct.run_alone(
        _acquiring(kind), {"whose": subject_id, "lease": settings().refresh_lease}
    )
    if row is None:
        return None
    fence, generation, attempts, is_last_try, *owed = row
    parts = frozenset(part for part, is_owed in zip(Part, owed, strict=False) if is_owed)
    return Ticket(kind, subject_id, fence, generation, attempts, parts, bool(is_last_try))


def due(kind: Kind, limit: int) -> list[Subject]:
    """Name what is owed, due and not being worked on, the longest waiting first."""
    with reading():
        found = send(_due(kind), most=limit).scalars().all()
    return [Subject(kind, subject_id) for subject_id in found]


@once
def _asking(kind: Kind, parts: frozenset[Part]) -> sa.Executable:
    """The row is made, or its counter moved; one that was parked is due again."""
    subjects = table(MODELS[kind])
    columns = subjects.c
    asked = [f"{part}_requested" for part in sorted(parts)]
    new: dict[str, Any] = dict.fromkeys(asked, 1)
    if kind is Kind.CUSTOMER:
        new["details_requested"] = 1  # a customer never seen is read in full
    due_at = moment(sa.bindparam("debounce", type_=sa.Float()))
    is_parked = columns.due_at.is_(None)
    return (
        insert(subjects)
        .values(id=sa.bindparam("new_id"), requested=1, due_at=due_at, **new)
        .on_conflict_do_update(
            index_elements=["id"],
            set_={
                "requested": columns.requested + 1,
                "due_at": sa.func.coalesce(columns.due_at, due_at),
                # Whoever was given up gets the whole patience again.
                "attempts": sa.case((is_parked, 0), else_=columns.attempts),
                "failing_since": sa.case((is_parked, sa.null()), else_=columns.failing_since),
                "updated_at": sa.bindparam("now", type_=UtcDateTime()),
                **dict.fromkeys(asked, columns.requested + 1),
            },
        )
        .returning(columns.requested)
    )


@once
def _acquiring(kind: Kind) -> sa.Executable:
    subjects = table(MODELS[kind])
    columns = subjects.c
    return (
        sa.update(subjects)
        .where(columns.id == sa.bindparam("whose"), *_is_free(columns))
        .values(
            fence=columns.fence + 1, lease_until=moment(sa.bindparam("lease", type_=sa.Float()))
        )
        .returning(
            columns.fence,
            columns.requested,
            columns.attempts,
            columns.failing_since <= moment(-GIVE_UP_AFTER.total_seconds()),
            *_parts_owed(kind),
        )
    )


@once
def _due(kind: Kind) -> sa.Executable:
    columns = table(MODELS[kind]).c
    return (
        sa.select(columns.id)
        .where(*_is_free(columns))
        .order_by(columns.due_at)
        .limit(sa.bindparam("most"))
    )


def _is_free(columns: Columns) -> list[sa.ColumnElement[bool]]:
    """Something is owed, it is due, and nobody holds the lease."""
    return [
        columns.requested > columns.synced,
        columns.due_at <= moment(),
        sa.or_(columns.lease_until.is_(None), columns.lease_until <= moment()),
    ]


def _parts_owed(kind: Kind) -> list[sa.ColumnElement[bool]]:
    """Only customers have parts."""
    if kind is not Kind.CUSTOMER:
        return []
    columns = table(MODELS[kind]).c
    return [columns[f"{part}_requested"] > columns.synced for part in Part]
