"""Which events did we never get, or never finish? Stripe's own log, held against the inbox."""

import json
from collections.abc import Callable
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
from billing.stripe_sync.healing.samples import Sample

LONGEST = timedelta(days=30)
OVERLAP = timedelta(hours=1)
UNFINISHED = {EventState.RECEIVED, EventState.QUEUED, EventState.DEAD}


@dataclass(slots=True)
class Gaps:
    """Event ids by how they fared; only handled types count. The first ids are kept, all counted.

    `left` is what is missing or unfinished in the end.
    """

    processed: int = 0
    ignored: int = 0
    never_delivered: Sample[str] = field(default_factory=Sample)
    unfinished: Sample[str] = field(default_factory=Sample)
    taken_in: Sample[str] = field(default_factory=Sample)
    left: Sample[str] = field(default_factory=Sample)


def look(
    *, fix: bool, days: float | None = None, on_page: Callable[[Gaps], None] | None = None
) -> Gaps:
    """Walk Stripe's events; with `fix`, take in what is missing of each page before the next.

    It begins a little before the last complete look, 30 days back at most, with the newest event:
    the guards of the refresh protocol hold in any order. Raises StripeUnavailable.
    """
    began = clock.utc_now()
    gaps = Gaps()
    for page in listings.events(gateway(), None, since=clock.to_unix(_since(began, days))):
        missing = _missing(page.objects, gaps)
        for payload in reversed(missing):  # of one page the oldest first: the fewest fetches
            is_done = fix and _take_in(payload)
            (gaps.taken_in if is_done else gaps.left).append(payload["id"])
        if on_page:
            on_page(gaps)
    if not gaps.left:
        _reached(began)
    return gaps


def _take_in(payload: dict[str, Any]) -> bool:
    """Process the event as if it had been delivered now; return whether it ended.

    Its signature was Stripe's TLS.
    """
    event = Event.parse(json.dumps(payload))
    inbox.record(event, EventState.RECEIVED)
    processing.process(event, replay=True)
    with reading():
        return inbox.state_of(event.id) not in UNFINISHED


def _missing(payloads: list[dict[str, Any]], gaps: Gaps) -> list[dict[str, Any]]:
    """Sort one page; return what is missing or unfinished."""
    states = _states([payload["id"] for payload in payloads])
    missing = []
    for payload in payloads:
        state = states.get(payload["id"])
        if not _is_wanted(payload):
            gaps.ignored += 1
        elif state is not None and state not in UNFINISHED:
            gaps.processed += 1
        else:
            kept = gaps.never_delivered if state is None else gaps.unfinished
            kept.append(payload["id"])
            missing.append(payload)
    return missing


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
