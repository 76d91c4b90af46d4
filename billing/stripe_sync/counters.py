"""What is owed, and who may write it? The counters of the refresh protocol.

docs/protocol.md explains each guard and shows that it is needed.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from billing import clock
from billing.database import db, insert, moment, reading, transaction
from billing.settings import settings
from billing.stripe_sync.subjects import MODELS, Kind, Part, Subject

GIVE_UP_AFTER = timedelta(days=3)


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
    model = MODELS[subject.kind]
    parts = [f"{part}_requested" for part in subject.parts]
    new: dict[str, Any] = dict.fromkeys(parts, 1)
    if subject.kind is Kind.CUSTOMER:
        new["details_requested"] = 1  # a customer never seen is read in full
    due_at = moment(settings().refresh_debounce)
    row = insert(model).values(id=subject.id, requested=1, due_at=due_at, **new)
    is_parked = model.due_at.is_(None)
    return db.session.scalars(
        row.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "requested": model.requested + 1,
                "due_at": sa.func.coalesce(model.due_at, due_at),
                # Whoever was given up gets the whole patience again.
                "attempts": sa.case((is_parked, 0), else_=model.attempts),
                "failing_since": sa.case((is_parked, sa.null()), else_=model.failing_since),
                "updated_at": clock.utc_now(),
                **dict.fromkeys(parts, model.requested + 1),
            },
        ).returning(model.requested)
    ).one()


def acquire(kind: Kind, subject_id: str) -> Ticket | None:
    """Take the lease if something is owed and due; None if not, or if another holds it."""
    model = MODELS[kind]
    with transaction() as session:
        row = session.execute(
            sa.update(model)
            .where(
                model.id == subject_id,
                model.requested > model.synced,
                model.due_at <= moment(),
                sa.or_(model.lease_until.is_(None), model.lease_until <= moment()),
            )
            .values(fence=model.fence + 1, lease_until=moment(settings().refresh_lease))
            .returning(
                model.fence,
                model.requested,
                model.attempts,
                (model.failing_since <= moment(-GIVE_UP_AFTER.total_seconds())).label("last"),
                *_parts_owed(kind),
            )
        ).first()
    if row is None:
        return None
    parts = frozenset(part for part in Part if getattr(row, part, False))
    return Ticket(
        kind, subject_id, row.fence, row.requested, row.attempts, parts, row.last or False
    )


def due(kind: Kind, limit: int) -> list[Subject]:
    """Name what is owed, due and not being worked on, the longest waiting first."""
    model = MODELS[kind]
    with reading() as session:
        found = session.scalars(
            sa.select(model.id)
            .where(
                model.requested > model.synced,
                model.due_at <= moment(),
                sa.or_(model.lease_until.is_(None), model.lease_until <= moment()),
            )
            .order_by(model.due_at)
            .limit(limit)
        )
        return [Subject(kind, subject_id) for subject_id in found]


def _parts_owed(kind: Kind) -> list[sa.Label[bool]]:
    if kind is not Kind.CUSTOMER:
        return []
    model = MODELS[Kind.CUSTOMER]
    return [(getattr(model, f"{part}_requested") > model.synced).label(part) for part in Part]
