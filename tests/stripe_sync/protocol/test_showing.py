"""Is what a caller has seen ever taken back? Payloads against fetches, guard by guard."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from billing import clock
from billing.database import db, reading, transaction
from billing.models import (
    Change,
    EventState,
    StripeEvent,
    UserSubscription,
)
from billing.stripe_api.events import Event
from billing.stripe_sync import counters, inbox, processing
from tests.support.events import stripe_event
from tests.support.protocol import (
    CUSTOMER,
    NOON,
    acquire,
    counters_of_customer,
    fetched,
    note,
    receive,
    seats,
    shown,
    state_of,
    write,
)
from tests.support.stripe_objects import a_stripe_subscription


def test_an_event_is_shown_at_once_and_confirmed_by_the_fetch() -> None:
    note("evt_1")

    provisional = shown()
    write(acquire(), fetched(seats(1)))

    assert provisional == ("active", 1, False)
    assert shown() == ("active", 1, True)
    assert state_of("evt_1") is EventState.DONE


def test_a_fetch_begun_before_an_event_never_overwrites_what_the_event_showed() -> None:
    """C1: the lease alone does not protect; each object remembers its generation."""
    note("evt_1", seats(1))
    slow = acquire()
    old = fetched(seats(1))
    note("evt_2", seats(2), created=NOON + 10)

    write(slow, old)

    assert shown() == ("active", 2, False)
    assert state_of("evt_2") is EventState.QUEUED


def test_a_cancellation_shown_by_an_event_is_not_undone_by_an_older_fetch() -> None:
    """C1t: the same with a terminal status."""
    note("evt_1")
    slow = acquire()
    old = fetched(seats(1))
    note("evt_2", created=NOON + 10, status="canceled", ended_at=NOON + 10)

    write(slow, old)

    assert shown()[0] == "canceled"


def test_a_refused_object_does_not_hold_back_the_others() -> None:
    """C2: subscription B is confirmed although A's payload is newer."""
    note("evt_1")
    slow = acquire()
    other = a_stripe_subscription("sub_B")
    note("evt_2", seats(2), created=NOON + 10)

    write(slow, fetched(seats(1), other))

    assert shown("sub_B") == ("active", 1, True)
    assert counters_of_customer().synced == 0


def test_the_round_after_a_refused_write_confirms_everything() -> None:
    note("evt_1")
    slow = acquire()
    note("evt_2", seats(2), created=NOON + 10)
    write(slow, fetched(seats(1)))

    write(acquire(), fetched(seats(2), date=NOON + 11))

    assert shown() == ("active", 2, True)
    assert [state_of("evt_1"), state_of("evt_2")] == [EventState.DONE, EventState.DONE]
    assert counters_of_customer().due_at is None


def test_an_event_older_than_a_confirmed_fetch_shows_nothing() -> None:
    """C3: a refresh raises the floor too, not only events."""
    note("evt_1", seats(1))
    write(acquire(), fetched(seats(3), date=NOON + 5))

    note("evt_2", seats(2), created=NOON + 1)

    assert shown() == ("active", 3, True)


@pytest.mark.parametrize("late", [0, 1, 2])
def test_an_event_of_the_seconds_that_the_fetch_may_contain_shows_nothing(late: int) -> None:
    """C4: the floor is the Date of the answer and two seconds more; ties lose."""
    note("evt_1", seats(1), created=NOON - 60)
    write(acquire(), fetched(seats(3), date=NOON))

    note("evt_2", seats(2), created=NOON + late)

    assert shown() == ("active", 3, True)


def test_an_event_surely_newer_than_the_fetch_is_shown() -> None:
    note("evt_1", seats(1), created=NOON - 60)
    write(acquire(), fetched(seats(3), date=NOON))

    note("evt_2", seats(4), created=NOON + 3)

    assert shown() == ("active", 4, False)


def test_a_fetch_dated_before_what_was_shown_does_not_make_room_for_older_events() -> None:
    note("evt_1", seats(3), created=NOON + 60)
    write(acquire(), fetched(seats(3), date=NOON))

    note("evt_2", seats(2), created=NOON + 30)

    assert shown() == ("active", 3, True)


def test_of_two_events_in_one_second_the_first_to_come_stays_until_the_fetch() -> None:
    note("evt_2", seats(2))
    note("evt_1", seats(1))

    before = shown()
    write(acquire(), fetched(seats(2)))

    assert before == ("active", 2, False)
    assert shown() == ("active", 2, True)


def test_an_event_that_came_during_the_fetch_is_not_done_by_it() -> None:
    """C6: done is decided by generations, never by times."""
    note("evt_1", created=NOON - 60)
    ticket = acquire()
    note("evt_2", created=NOON - 60)

    write(ticket, fetched(seats(1)))

    assert state_of("evt_1") is EventState.DONE
    assert state_of("evt_2") is EventState.QUEUED
    assert counters_of_customer().due_at is not None


def test_an_event_kept_but_not_yet_noted_is_not_done_by_a_fetch() -> None:
    """C6l: else its change could be lost for ever."""
    note("evt_1")
    ticket = acquire()
    receive("evt_2", created=NOON + 5)

    write(ticket, fetched(seats(1)))

    assert state_of("evt_2") is EventState.RECEIVED


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda event: event.update(api_version="2025-03-31.basil"), id="other version"
        ),
        pytest.param(lambda event: event.update(created=None), id="without a time"),
        pytest.param(
            lambda event: event["data"]["object"].update(test_clock="clock_1"), id="test clock"
        ),
        pytest.param(
            lambda event: event["data"]["object"]["items"].update(has_more=True), id="items cut off"
        ),
        pytest.param(lambda event: event["data"]["object"].pop("status"), id="no status"),
        pytest.param(
            lambda event: event["data"]["object"]["items"]["data"][0]["price"].update(
                lookup_key=None
            ),
            id="unmapped price",
        ),
    ],
)
def test_a_payload_that_cannot_be_trusted_is_never_shown(
    change: Callable[[dict[str, Any]], object],
) -> None:
    body = stripe_event("customer.subscription.updated", a_stripe_subscription(), id="evt_1")
    change(body)
    event = Event.parse(json.dumps(body))
    inbox.record(event, EventState.RECEIVED)

    processing.note(event)

    assert state_of("evt_1") is EventState.QUEUED
    assert db.session.scalar(sa.select(sa.func.count()).select_from(UserSubscription)) == 0


def test_every_difference_is_written_down_with_its_cause() -> None:
    note("evt_1", seats(1))
    write(acquire(), fetched(seats(2)))

    with reading() as session:
        changes = session.execute(
            sa.select(Change.before, Change.after, Change.cause, Change.stripe_event_id)
            .where(Change.field == "quantity")
            .order_by(Change.id)
        ).all()
    assert [tuple(change) for change in changes] == [
        (None, 1, "event", "evt_1"),
        (1, 2, "refresh", None),
    ]


def test_a_check_that_finds_nothing_new_changes_nothing_that_is_shown() -> None:
    note("evt_1", created=NOON - 60)
    write(acquire(), fetched(seats(1)))
    with reading() as session:
        before = session.scalars(sa.select(UserSubscription.as_of)).one()
    with transaction():
        counters.ask(CUSTOMER)

    write(acquire(), fetched(seats(1), date=NOON + 3600))

    with reading() as session:
        assert session.scalars(sa.select(UserSubscription.as_of)).one() == before
        assert session.scalars(sa.select(UserSubscription.floor)).one() == NOON + 3602


def test_the_first_confirmation_of_what_an_event_showed_is_news() -> None:
    note("evt_1", created=NOON)
    write(acquire(), fetched(seats(1), date=NOON + 7))

    with reading() as session:
        assert clock.to_unix(session.scalars(sa.select(UserSubscription.as_of)).one()) == NOON + 7


def test_events_are_closed_only_by_their_own_customer() -> None:
    note("evt_1")
    note("evt_2", subscription_id="sub_B", customer="cus_2")

    write(acquire(), fetched(seats(1), date=NOON + 30))

    with reading() as session:
        rows = session.execute(sa.select(StripeEvent.stripe_event_id, StripeEvent.state)).all()
    states = {row.stripe_event_id: row.state for row in rows}
    assert states == {"evt_1": EventState.DONE, "evt_2": EventState.QUEUED}
