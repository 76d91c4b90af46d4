"""What is owed, stuck or given up? Read from the database in a few statements."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from billing.database import moment, reading
from billing.models import Drift, EventState, GapRun, ReconcileRun, RefreshState, StripeEvent
from billing.stripe_api.probe import PROBE_ID
from billing.stripe_sync.subjects import MODELS, Kind

SHOWN = 20

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Dead:
    """Events that were given up for one reason; `example` is the newest of them."""

    error: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """A subject whose refresh fails. Parked: it is no longer tried until somebody asks."""

    kind: Kind
    id: str
    error: str
    failing_since: datetime | None
    parked: bool


@dataclass(frozen=True, slots=True)
class Work:
    """The open work of the service at one moment.

    `failing` and `parked` count the subjects of which `dead` and `stuck` show some.
    """

    events: dict[str, int]
    oldest_event_at: datetime | None
    newest_event_at: datetime | None
    dead: list[Dead]
    owed: dict[str, int]
    oldest_due_at: datetime | None
    failing: int
    parked: int
    stuck: list[Stuck]
    drift: dict[str, int]
    reconciled_at: datetime | None
    gaps_reached: datetime | None
    now: datetime


def survey() -> Work:
    """Read everything that an operator asks about first."""
    with reading() as session:
        due = [_oldest_due(session, kind) for kind in Kind]
        return Work(
            events=_events(session),
            oldest_event_at=session.scalar(
                sa.select(sa.func.min(StripeEvent.received_at)).where(
                    StripeEvent.state.in_([EventState.RECEIVED, EventState.QUEUED])
                )
            ),
            newest_event_at=session.scalar(
                sa.select(sa.func.max(StripeEvent.received_at)).where(
                    StripeEvent.stripe_event_id != PROBE_ID
                )
            ),
            dead=_dead(session),
            owed={kind.value: _count(session, _is_owed(MODELS[kind]), kind) for kind in Kind},
            oldest_due_at=min((one for one in due if one), default=None),
            failing=sum(_count(session, _is_failing(MODELS[kind]), kind) for kind in Kind),
            parked=sum(_count(session, _is_parked(MODELS[kind]), kind) for kind in Kind),
            stuck=[one for kind in Kind for one in _stuck(session, kind)],
            drift=_drift(session),
            reconciled_at=session.scalar(sa.select(sa.func.max(ReconcileRun.finished_at))),
            gaps_reached=session.scalar(sa.select(sa.func.max(GapRun.reached))),
            now=session.scalars(sa.select(moment())).one(),
        )


def _events(session: Session) -> dict[str, int]:
    open_states = [EventState.RECEIVED, EventState.QUEUED, EventState.DEAD]
    rows = session.execute(
        sa.select(StripeEvent.state, sa.func.count())
        .where(StripeEvent.state.in_(open_states))
        .group_by(StripeEvent.state)
    )
    counted = {state: count for state, count in rows}
    return {state.value: counted.get(state, 0) for state in open_states}


def _dead(session: Session) -> list[Dead]:
    reason = sa.func.coalesce(StripeEvent.error, "unknown")
    rows = session.execute(
        sa.select(reason, sa.func.count(), sa.func.max(StripeEvent.stripe_event_id))
        .where(StripeEvent.state == EventState.DEAD)
        .group_by(reason)
        .order_by(sa.func.count().desc())
        .limit(SHOWN)
    )
    return [Dead(*row) for row in rows]


def _oldest_due(session: Session, kind: Kind) -> datetime | None:
    model = MODELS[kind]
    return session.scalar(
        sa.select(sa.func.min(model.due_at)).where(_is_owed(model), model.due_at <= moment())
    )


def _stuck(session: Session, kind: Kind) -> list[Stuck]:
    model = MODELS[kind]
    rows = session.execute(
        sa.select(model.id, model.last_error, model.failing_since, _is_parked(model))
        .where(sa.or_(_is_failing(model), _is_parked(model)))
        .order_by(model.failing_since)
        .limit(SHOWN)
    )
    return [Stuck(kind, id, error or "unknown", since, parked) for id, error, since, parked in rows]


def _count(session: Session, wanted: Condition, kind: Kind) -> int:
    counted = sa.select(sa.func.count()).select_from(MODELS[kind]).where(wanted)
    return session.scalars(counted).one()


def _is_owed(model: type[RefreshState]) -> Condition:
    return model.requested > model.synced


def _is_failing(model: type[RefreshState]) -> Condition:
    return sa.and_(_is_owed(model), model.due_at.is_not(None), model.last_error.is_not(None))


def _is_parked(model: type[RefreshState]) -> Condition:
    return sa.and_(_is_owed(model), model.due_at.is_(None))


def _drift(session: Session) -> dict[str, int]:
    rows = session.execute(
        sa.select(Drift.kind, sa.func.count())
        .where(Drift.resolved_at.is_(None))
        .group_by(Drift.kind)
        .order_by(Drift.kind)
    )
    return {kind: count for kind, count in rows}
