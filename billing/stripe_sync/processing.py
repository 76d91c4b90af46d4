"""What happens to an event after it is kept? Note whom it tells of, then refresh that."""

import logging

from billing.catalog.mapping import PriceMap
from billing.database import reading, transaction
from billing.models import Cause, EventState
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.events import API_VERSION, Event
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync import counters, dispatch, inbox, refresh
from billing.stripe_sync.failures import is_database_fault
from billing.stripe_sync.store import Writer
from billing.stripe_sync.subjects import Subject
from billing.stripe_sync.truths import links

log = logging.getLogger(__name__)


def process(event: Event, *, replay: bool = False) -> None:
    """Note the event and confirm its effect, within the time of one web request.

    Safe to run twice, at once, and in any order. What does not fit is left to the sweep. An event
    that cannot be noted is tried again later, with growing pauses. Raises DatabaseUnavailable.
    """
    try:
        subject = note(event, replay=replay)
    except Exception as error:
        if is_database_fault(error):
            raise
        _postpone(event.id, error)
        return
    if subject is not None:
        with transport.within(settings().inline_budget):
            refresh.run(subject, Cause.EVENT)


def note(event: Event, *, replay: bool = False) -> Subject | None:
    """Ask for the refresh that will contain the event; show its payload at once if that is safe."""
    subject = dispatch.subject_of(event)
    if subject is None:
        settle(event.id, EventState.IGNORED)
        return None
    with transaction() as session:
        generation = counters.ask(subject)
        if inbox.queue(event.id, subject.id, generation, replay=replay):
            _preview(event, generation)
        else:
            session.rollback()  # queued or done already: the request must not be counted twice
    return subject


def resume(event_id: str, *, replay: bool = False) -> EventState | None:
    """Take up a kept event again; return how far it got, None if it never came."""
    try:
        _take_up(event_id, replay=replay)
    except Exception as error:
        if is_database_fault(error):
            raise
        _postpone(event_id, error)
    with reading():
        return inbox.state_of(event_id)


def _take_up(event_id: str, *, replay: bool) -> None:
    with reading():
        event = inbox.event(event_id)
    if event is None:
        settle(event_id, EventState.DEAD, "its body is no longer kept")
    elif not dispatch.handles(event):
        settle(event_id, EventState.IGNORED)
    else:
        process(event, replay=replay)


def settle(event_id: str, state: EventState, error: str | None = None) -> None:
    """Close an event without a refresh: it concerns nobody, or no repetition can heal it."""
    with transaction():
        inbox.settle(event_id, state, error)
    if error:
        log.error("event=%s outcome=%s error=%s", event_id, state, error)


def _postpone(event_id: str, error: Exception) -> None:
    is_known = isinstance(error, dispatch.BrokenEvent)
    text = str(error) if is_known else f"unexpected {type(error).__name__}"
    with transaction():
        state = inbox.fail(event_id, error, text)
    log.error(
        "event=%s outcome=%s error=%s",
        event_id,
        state if state is EventState.DEAD else "retry",
        text,
        exc_info=None if is_known else error,
    )


def _preview(event: Event, generation: int) -> None:
    if not event.type.startswith("customer.subscription.") or event.created is None:
        return
    if event.api_version != API_VERSION:
        return
    try:
        snapshot = SubscriptionSnapshot.from_stripe(event.object)
    except (KeyError, ValueError):
        return
    if not snapshot.is_complete or snapshot.test_clock_id is not None:
        return
    prices = PriceMap.load([item.price for item in snapshot.items])
    if any(prices.plan_of(item.price) for item in snapshot.items):
        user_id = links.holder_of(snapshot.customer_id)
        writer = Writer(snapshot.customer_id, user_id, prices, Cause.EVENT, event.id)
        writer.preview(snapshot, generation, event.created)
