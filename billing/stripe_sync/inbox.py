"""Which events are here, and how far is each? The durable log; a 200 means: it is in here."""

from datetime import datetime

import sqlalchemy as sa

from billing.database import db, reading
from billing.models import EventState, StripeEvent, StripeEventPayload
from billing.stripe_api.events import Event
from billing.stripe_sync.keeping import keep

UNTOUCHED_SECONDS = 5
"""Younger `received` rows are left to the request that is at work on them."""


def record(event: Event, state: EventState, error: str | None = None) -> EventState:
    """Keep the event unless it is here already; return the state it is in.

    It is a transaction of its own: when it returns, the event and its body are durable.
    """
    if keep(event, state, error):
        return state
    with reading() as session:
        known = sa.select(StripeEvent.state).where(StripeEvent.stripe_event_id == event.id)
        return session.scalars(known).one()


def queue(event_id: str, subject_id: str, generation: int, *, replay: bool = False) -> bool:
    """Tie the event to the generation that will confirm it; say whether it still waited."""
    waiting = [EventState.RECEIVED, EventState.DEAD] if replay else [EventState.RECEIVED]
    queued = db.session.scalar(
        sa.update(StripeEvent)
        .where(StripeEvent.stripe_event_id == event_id, StripeEvent.state.in_(waiting))
        .values(
            state=EventState.QUEUED,
            generation=generation,
            subject=subject_id,
            error=None,
            attempts=StripeEvent.attempts + 1,
        )
        .returning(StripeEvent.stripe_event_id)
    )
    return queued is not None


def settle(event_id: str, state: EventState, error: str | None = None) -> None:
    """Close an event that owes nothing (`ignored`) or that cannot be healed (`dead`)."""
    db.session.execute(
        sa.update(StripeEvent)
        .where(
            StripeEvent.stripe_event_id == event_id,
            StripeEvent.state.in_([EventState.RECEIVED, EventState.DEAD]),
        )
        .values(state=state, error=error, attempts=StripeEvent.attempts + 1)
    )


def finish(subject_id: str, generation: int) -> None:
    """Close every event whose effect was asked for up to this generation."""
    db.session.execute(
        sa.update(StripeEvent)
        .where(
            StripeEvent.subject == subject_id,
            StripeEvent.state.in_([EventState.QUEUED, EventState.DEAD]),
            StripeEvent.generation <= generation,
        )
        .values(state=EventState.DONE, error=None)
    )


def bury(subject_id: str, generation: int, error: str) -> None:
    """Give up on the events up to this generation; an operator can replay them."""
    db.session.execute(
        sa.update(StripeEvent)
        .where(
            StripeEvent.subject == subject_id,
            StripeEvent.state == EventState.QUEUED,
            StripeEvent.generation <= generation,
        )
        .values(state=EventState.DEAD, error=error)
    )


def left_behind(limit: int, at: datetime) -> list[str]:
    """Name events that were kept and then forgotten, oldest first."""
    return list(
        db.session.scalars(
            sa.select(StripeEvent.stripe_event_id)
            .where(StripeEvent.state == EventState.RECEIVED, StripeEvent.received_at <= at)
            .order_by(StripeEvent.received_at)
            .limit(limit)
        )
    )


def state_of(event_id: str) -> EventState | None:
    """Say how far the event got; None if it never came."""
    return db.session.scalar(
        sa.select(StripeEvent.state).where(StripeEvent.stripe_event_id == event_id)
    )


def event(event_id: str) -> Event | None:
    """Read a kept event again from its body; None if it never came or its body was dropped."""
    body = db.session.scalar(
        sa.select(StripeEventPayload.body).where(StripeEventPayload.stripe_event_id == event_id)
    )
    return None if body is None else Event.parse(body)
