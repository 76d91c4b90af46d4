"""Which events did we never get, or never finish? Stripe's own log, held against the inbox."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from billing import clock
from billing.database import reading, transaction
from billing.models import EventState, GapRun, StripeEvent
from billing.stripe_api import listings
from billing.stripe_api.events import Event, MalformedEvent
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import dispatch, inbox, processing

LONGEST = timedelta(days=30)
OVERLAP = timedelta(hours=1)
UNFINISHED = {EventState.RECEIVED, EventState.QUEUED, EventState.DEAD}


@dataclass(slots=True)
class Gaps:
    """Event ids by how they fared; only handled types count."""

    processed: int = 0
    ignored: int = 0
    never_delivered: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    taken_in: list[str] = field(default_factory=list)

    @property
    def left(self) -> list[str]:
        """What is still missing or unfinished."""
        mended = set(self.taken_in)
        return [one for one in [*self.never_delivered, *self.unfinished] if one not in mended]


def look(
    *, fix: bool, days: float | None = None, on_page: Callable[[Gaps], None] | None = None
) -> Gaps:
    """Walk Stripe's events; with `fix`, take in what is missing, the oldest first.

    It begins a little before the last complete look, 30 days back at most. Raises
    StripeUnavailable.
    """
    began = clock.utc_now()
    found = Gaps()
    missing: list[dict[str, Any]] = []
    for page in listings.events(gateway(), None, since=clock.to_unix(_since(began, days))):
        missing += _judge(page.objects, found)
        if on_page:
            on_page(found)
    if fix:
        for one in reversed(missing):
            take_in(one, found)
            if on_page:
                on_page(found)
    if not found.left:
        _reached(began)
    return found


def take_in(told: dict[str, Any], found: Gaps) -> None:
    """Treat the event as if it had been delivered now; its signature was Stripe's TLS."""
    event = Event.parse(json.dumps(told))
    inbox.record(event, EventState.RECEIVED)
    processing.process(event, replay=True)
    with reading():
        state = inbox.state_of(event.id)
    if state not in UNFINISHED:
        found.taken_in.append(event.id)


def _judge(told: list[dict[str, Any]], found: Gaps) -> Iterator[dict[str, Any]]:
    """Sort one page; yield what is missing or unfinished."""
    states = _states([one["id"] for one in told])
    for one in told:
        state = states.get(one["id"])
        if not _is_wanted(one):
            found.ignored += 1
        elif state is None:
            found.never_delivered.append(one["id"])
            yield one
        elif state in UNFINISHED:
            found.unfinished.append(one["id"])
            yield one
        else:
            found.processed += 1


def _is_wanted(told: dict[str, Any]) -> bool:
    try:
        event = Event.parse(json.dumps(told))
    except MalformedEvent:
        return False
    return dispatch.handles(event) and event.account is None


def _states(event_ids: list[str]) -> dict[str, EventState]:
    with reading() as session:
        rows = session.execute(
            sa.select(StripeEvent.stripe_event_id, StripeEvent.state).where(
                StripeEvent.stripe_event_id.in_(event_ids)
            )
        )
        return {row.stripe_event_id: row.state for row in rows}


def _since(now: datetime, days: float | None) -> datetime:
    if days is not None:
        return now - timedelta(days=days)
    with reading() as session:
        reached = session.scalar(sa.select(sa.func.max(GapRun.reached)))
    return max(reached - OVERLAP, now - LONGEST) if reached else now - LONGEST


def _reached(moment: datetime) -> None:
    with transaction() as session:
        session.add(GapRun(reached=moment))
