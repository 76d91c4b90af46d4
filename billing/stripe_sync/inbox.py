"""Which events are here, and how far is each? The durable log; a 200 means: it is in here."""

from datetime import datetime

import sqlalchemy as sa

from billing.database import db, moment, reading
from billing.database.built import send, table
from billing.models import EventState, StripeEvent, StripeEventPayload
from billing.stripe_api.events import Event
from billing.stripe_sync.failures import GIVE_UP_AFTER, is_final, pause_after
from billing.stripe_sync.keeping import keep

UNTOUCHED_SECONDS = 5
"""Younger `received` rows are left to the request that is at work on them."""

EVENTS = table(StripeEvent)
BODIES = table(StripeEventPayload)
ID = EVENTS.c.stripe_event_id == sa.bindparam("id")
OF_SUBJECT = sa.and_(
    EVENTS.c.subject == sa.bindparam("told_of"), EVENTS.c.generation <= sa.bindparam("g")
)
IS_DEAD = EVENTS.c.state == EventState.DEAD

QUEUE = (
    sa.update(EVENTS)
    .where(
        ID,
        sa.or_(
            EVENTS.c.state == EventState.RECEIVED,
            sa.and_(sa.bindparam("may_be_dead", type_=sa.Boolean()), IS_DEAD),
        ),
    )
    .values(
        state=EventState.QUEUED,
        generation=sa.bindparam("g"),
        subject=sa.bindparam("told_of"),
        error=None,
        attempts=EVENTS.c.attempts + 1,
    )
    .returning(EVENTS.c.stripe_event_id)
)
SETTLE = (
    sa.update(EVENTS)
    .where(ID, EVENTS.c.state.in_([EventState.RECEIVED, EventState.DEAD]))
    .values(state=sa.bindparam("end"), error=sa.bindparam("why"), attempts=EVENTS.c.attempts + 1)
)
FINISH = (
    sa.update(EVENTS)
    .where(OF_SUBJECT, EVENTS.c.state.in_([EventState.QUEUED, EventState.DEAD]))
    .values(state=EventState.DONE, error=None)
)
BURY = (
    sa.update(EVENTS)
    .where(OF_SUBJECT, EVENTS.c.state == EventState.QUEUED)
    .values(state=EventState.DEAD, error=sa.bindparam("why"))
)
POSTPONE = (
    sa.update(EVENTS)
    .where(ID, EVENTS.c.state == EventState.RECEIVED)
    .values(
        attempts=EVENTS.c.attempts + 1,
        due_at=moment(sa.bindparam("pause", type_=sa.Float())),
        error=sa.bindparam("why"),
        updated_at=moment(),
    )
)
TRIED = sa.select(
    EVENTS.c.attempts,
    (EVENTS.c.received_at <= moment(-GIVE_UP_AFTER.total_seconds())).label("is_last_try"),
).where(ID)
STATE = sa.select(EVENTS.c.state).where(ID)
BODY = sa.select(BODIES.c.body).where(BODIES.c.stripe_event_id == sa.bindparam("id"))


def record(event: Event, state: EventState, error: str | None = None) -> EventState:
    """Keep the event unless it is here already; return the state it is in.

    It is a transaction of its own: when it returns, the event and its body are durable.
    """
    if keep(event, state, error):
        return state
    with reading():
        known = state_of(event.id)
    assert known is not None  # noqa: S101 - whoever took the id has committed, and nobody deletes
    return known


def queue(event_id: str, subject_id: str, generation: int, *, replay: bool = False) -> bool:
    """Tie the event to the generation that will confirm it; say whether it still waited."""
    queued = send(QUEUE, id=event_id, told_of=subject_id, g=generation, may_be_dead=replay)
    return queued.first() is not None


def settle(event_id: str, state: EventState, error: str | None = None) -> None:
    """Close an event that owes nothing (`ignored`) or that cannot be healed (`dead`)."""
    send(SETTLE, id=event_id, end=state, why=error)


def fail(event_id: str, error: Exception, text: str) -> EventState:
    """Let a received event wait for its next attempt, or give it up; return which.

    Runs in the caller's transaction.
    """
    tried = send(TRIED, id=event_id).one()
    if is_final(error, is_last_try=bool(tried.is_last_try)):
        settle(event_id, EventState.DEAD, text)
        return EventState.DEAD
    send(POSTPONE, id=event_id, pause=pause_after(tried.attempts), why=text)
    return EventState.RECEIVED


def finish(subject_id: str, generation: int) -> None:
    """Close every event whose effect was asked for up to this generation."""
    send(FINISH, told_of=subject_id, g=generation)


def bury(subject_id: str, generation: int, error: str) -> None:
    """Give up on the events up to this generation; an operator can replay them."""
    send(BURY, told_of=subject_id, g=generation, why=error)


def left_behind(limit: int, at: datetime) -> list[str]:
    """Return the ids of received events that are due, oldest first."""
    return list(
        db.session.scalars(
            sa.select(StripeEvent.stripe_event_id)
            .where(
                StripeEvent.state == EventState.RECEIVED,
                StripeEvent.received_at <= at,
                sa.or_(StripeEvent.due_at.is_(None), StripeEvent.due_at <= moment()),
            )
            .order_by(StripeEvent.received_at)
            .limit(limit)
        )
    )


def state_of(event_id: str) -> EventState | None:
    """Say how far the event got; None if it never came."""
    state: EventState | None = send(STATE, id=event_id).scalar()
    return state


def event(event_id: str) -> Event | None:
    """Read a kept event again from its body; None if it never came or its body was dropped."""
    body = send(BODY, id=event_id).scalar()
    return None if body is None else Event.parse(body)
