"""When a fetch fails, what waits, what is given up, and what heals it again?"""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from billing.database import moment, transaction
from billing.models import (
    EventState,
    StripeCustomer,
)
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.subjects import Kind
from billing.stripe_sync.truths.customers import StaleRead
from tests.support.protocol import (
    NOON,
    acquire,
    counters_of_customer,
    fetched,
    make_due,
    note,
    seats,
    shown,
    state_of,
    write,
)


def test_a_passing_fault_waits_longer_each_time_and_keeps_the_event() -> None:
    note("evt_1")
    refresh.fail(acquire(), "429", passing=True)
    first = counters_of_customer()
    make_due()
    refresh.fail(acquire(), "429", passing=True)
    second = counters_of_customer()

    assert (first.attempts, second.attempts) == (1, 2)
    assert counters.acquire(Kind.CUSTOMER, "cus_1") is None
    assert second.due_at > first.due_at
    assert state_of("evt_1") is EventState.QUEUED


def test_a_new_event_does_not_shorten_the_pause() -> None:
    note("evt_1")
    refresh.fail(acquire(), "429", passing=True)
    pause = counters_of_customer().due_at

    note("evt_2")

    assert counters_of_customer().due_at == pause


def test_giving_up_parks_the_customer_and_buries_what_was_tried() -> None:
    note("evt_1")

    refresh.fail(acquire(), "no such customer", passing=False)

    assert state_of("evt_1") is EventState.DEAD
    assert counters_of_customer().due_at is None
    assert counters.acquire(Kind.CUSTOMER, "cus_1") is None


def test_giving_up_spares_what_came_during_the_attempt() -> None:
    note("evt_1")
    ticket = acquire()
    note("evt_2")

    refresh.fail(ticket, "no such customer", passing=False)

    assert state_of("evt_2") is EventState.QUEUED
    assert counters_of_customer().due_at is not None


def test_a_new_event_unparks_and_a_success_heals_the_dead() -> None:
    note("evt_1", created=NOON - 60)
    refresh.fail(acquire(), "no such customer", passing=False)
    note("evt_2", created=NOON - 60)

    write(acquire(), fetched(seats(1)))

    assert [state_of("evt_1"), state_of("evt_2")] == [EventState.DONE, EventState.DONE]


def test_a_fault_that_lasts_three_days_is_the_last_try() -> None:
    note("evt_1")
    refresh.fail(acquire(), "500", passing=True)
    with transaction() as session:
        session.execute(sa.update(StripeCustomer).values(failing_since=moment(-3 * 86400 - 1)))
    make_due()

    assert acquire().is_last_try


def test_a_list_that_lags_behind_its_events_is_a_passing_fault() -> None:
    note("evt_1")
    ticket = acquire()

    with pytest.raises(StaleRead):
        write(ticket, replace(fetched(), gone=["sub_A"]))

    assert shown() == ("active", 1, False)
    assert state_of("evt_1") is EventState.QUEUED
