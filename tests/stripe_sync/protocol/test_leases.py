"""Does only one at a time write, and only what is newest? The fence and the lease."""

from billing.models import (
    EventState,
)
from billing.stripe_sync import counters, processing, refresh
from billing.stripe_sync.subjects import Kind
from tests.support.protocol import (
    NOON,
    acquire,
    counters_of_customer,
    fetched,
    make_due,
    note,
    receive,
    seats,
    shown,
    state_of,
    write,
)


def test_a_worker_whose_lease_ran_out_writes_nothing_after_its_successor() -> None:
    """C8, C10: the fence is a number in the write's WHERE, not an owner and not a check before."""
    note("evt_1", seats(1), created=NOON - 60)
    zombie = acquire()
    make_due()
    successor = acquire()
    write(successor, fetched(seats(2)))

    write(zombie, fetched(seats(1)))

    assert shown() == ("active", 2, True)


def test_a_worker_whose_lease_ran_out_writes_nothing_even_before_its_successor() -> None:
    note("evt_1", seats(1), created=NOON - 60)
    zombie = acquire()
    make_due()
    acquire()

    write(zombie, fetched(seats(7)))

    assert shown() == ("active", 1, False)
    assert state_of("evt_1") is EventState.QUEUED


def test_an_older_fetch_that_ends_later_is_dropped_whole() -> None:
    """C9: `synced < g` would not do."""
    note("evt_1", created=NOON - 60)
    slow = acquire()
    make_due()
    note("evt_2", created=NOON - 60)
    write(acquire(), fetched(seats(3)))

    write(slow, fetched(seats(2)))

    assert shown() == ("active", 3, True)


def test_a_zombie_cannot_give_up_for_its_successor() -> None:
    note("evt_1")
    zombie = acquire()
    make_due()
    acquire()

    refresh.fail(zombie, "gone", passing=False)

    assert state_of("evt_1") is EventState.QUEUED
    assert counters_of_customer().due_at is not None


def test_a_held_lease_is_not_given_twice() -> None:
    note("evt_1")
    acquire()

    assert counters.acquire(Kind.CUSTOMER, "cus_1") is None


def test_a_burst_noted_before_the_fetch_costs_one() -> None:
    for number in range(20):
        note(f"evt_{number}", created=NOON + number)

    write(acquire(), fetched(seats(1), date=NOON + 30))

    assert counters.acquire(Kind.CUSTOMER, "cus_1") is None
    assert {state_of(f"evt_{number}") for number in range(20)} == {EventState.DONE}


def test_noting_an_event_twice_asks_for_one_refresh() -> None:
    event = receive("evt_1")
    processing.note(event)
    processing.note(event)

    assert counters_of_customer().requested == 1
