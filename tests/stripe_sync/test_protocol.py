"""Is what a caller has seen ever taken back? The refresh protocol, with its interleavings pinned.

Every test walks one of the traces by which a simpler rule fails; docs/protocol.md numbers them.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import clock
from billing.database import db, moment, reading, transaction
from billing.models import (
    Cause,
    Change,
    EventState,
    StripeCustomer,
    StripeEvent,
    UserSubscription,
)
from billing.stripe_api.events import Event
from billing.stripe_api.gateway import Seen
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync import counters, inbox, processing, refresh
from billing.stripe_sync.counters import Ticket
from billing.stripe_sync.subjects import Kind, Subject
from billing.stripe_sync.truths.customers import CustomerTruth, StaleRead
from tests.support.events import stripe_event
from tests.support.factories import a_plan
from tests.support.stripe_objects import a_stripe_subscription

CUSTOMER = Subject.customer("cus_1")
NOON = 1_795_400_000

pytestmark = pytest.mark.usefixtures("pro")


@pytest.fixture
def pro(app: Flask) -> None:
    a_plan("pro")


def receive(
    event_id: str, of: dict[str, Any] | None = None, *, created: int = NOON, **values: Any
) -> Event:
    """Keep an event, as the webhook does in its first transaction."""
    told = of or a_stripe_subscription(**values)
    body = stripe_event("customer.subscription.updated", told, id=event_id, created=created)
    event = Event.parse(json.dumps(body))
    with transaction():
        inbox.record(event, EventState.RECEIVED)
    return event


def note(
    event_id: str, of: dict[str, Any] | None = None, *, created: int = NOON, **values: Any
) -> None:
    """Keep an event and note it, as the webhook does in its first two transactions."""
    processing.note(receive(event_id, of, created=created, **values))


def acquire() -> Ticket:
    ticket = counters.acquire(Kind.CUSTOMER, "cus_1")
    assert ticket is not None
    return ticket


def fetched(*subscriptions: dict[str, Any], date: int = NOON) -> CustomerTruth:
    """What a fetch showed whose answer carries this date."""
    snapshots = [SubscriptionSnapshot.from_stripe(one) for one in subscriptions]
    return CustomerTruth("cus_1", Seen(since=date, until=date + 2), snapshots, owed_since={})


def write(ticket: Ticket, truth: CustomerTruth) -> None:
    refresh.write(ticket, truth, Cause.REFRESH)


def shown(subscription_id: str = "sub_A") -> tuple[str, int | None, bool]:
    """What a caller sees now: status, quantity, confirmed."""
    with reading() as session:
        row = session.execute(
            sa.select(
                UserSubscription.status, UserSubscription.quantity, UserSubscription.confirmed
            ).where(UserSubscription.stripe_subscription_id == subscription_id)
        ).one()
    return row.status, row.quantity, row.confirmed


def state_of(event_id: str) -> EventState | None:
    with reading():
        return inbox.state_of(event_id)


def counters_of_customer() -> Any:
    with reading() as session:
        return session.execute(
            sa.select(
                StripeCustomer.requested,
                StripeCustomer.synced,
                StripeCustomer.fence,
                StripeCustomer.attempts,
                StripeCustomer.due_at,
                StripeCustomer.lease_until,
            )
        ).one()


def make_due() -> None:
    """Let the pauses and leases run out by the database's clock."""
    with transaction() as session:
        session.execute(
            sa.update(StripeCustomer).values(
                due_at=sa.case((StripeCustomer.due_at.is_not(None), moment(-1))),
                lease_until=sa.case((StripeCustomer.lease_until.is_not(None), moment(-1))),
            )
        )


def seats(number: int) -> dict[str, Any]:
    """A version of subscription A that can be told apart from the others."""
    subscription = a_stripe_subscription()
    subscription["items"]["data"][0]["quantity"] = number
    return subscription


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


def test_of_two_events_in_one_second_the_first_to_come_stays_until_the_fetch() -> None:
    note("evt_2", seats(2))
    note("evt_1", seats(1))

    before = shown()
    write(acquire(), fetched(seats(2)))

    assert before == ("active", 2, False)
    assert shown() == ("active", 2, True)


def test_an_older_terminal_payload_never_replaces_a_newer_terminal_one() -> None:
    """C5: an edit of the canceled subscription, then the late first cancellation."""
    note("evt_1", created=NOON, status="canceled", ended_at=NOON)
    note("evt_3", created=NOON + 9, status="canceled", ended_at=NOON, cancel_at=NOON)
    note("evt_2", created=NOON + 5, status="canceled", ended_at=NOON)

    with reading() as session:
        assert session.scalars(sa.select(UserSubscription.cancel_at)).one() is not None


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
def test_nothing_reopens_an_ended_subscription(status: str) -> None:
    note("evt_1", created=NOON, status=status, ended_at=NOON)

    note("evt_2", created=NOON + 100, status="active")
    write(acquire(), fetched(seats(1), date=NOON + 200))

    assert shown()[0] == status


def test_a_late_cancellation_is_shown_over_anything_that_lives() -> None:
    note("evt_2", created=NOON + 100, status="past_due")

    note("evt_1", created=NOON, status="canceled", ended_at=NOON)

    assert shown()[0] == "canceled"


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


def test_a_confirmed_subscription_that_stripe_no_longer_knows_by_name_has_ended() -> None:
    note("evt_1", created=NOON - 60)
    write(acquire(), fetched(seats(1)))
    with transaction():
        counters.ask(CUSTOMER)

    write(acquire(), replace(fetched(date=NOON + 60), gone=["sub_A"]))

    assert shown() == ("canceled", 1, True)


def test_a_subscription_shown_during_the_fetch_is_not_ended_by_it() -> None:
    note("evt_1", created=NOON - 60)
    write(acquire(), fetched(seats(1)))
    with transaction():
        counters.ask(CUSTOMER)
    ticket = acquire()
    note("evt_2", seats(2), created=NOON + 60)
    with transaction() as session:
        session.execute(sa.update(UserSubscription).values(confirmed=True))

    write(ticket, replace(fetched(), gone=["sub_A"]))

    assert shown()[0] == "active"


@pytest.mark.parametrize(
    ("cause", "status"), [(Cause.REFRESH, "canceled"), (Cause.RECONCILE, "active")]
)
def test_only_what_a_person_asked_for_reopens_a_row_that_was_damaged(
    cause: Cause, status: str
) -> None:
    note("evt_1", created=NOON - 60)
    write(acquire(), fetched(seats(1)))
    with transaction() as session:
        session.execute(sa.update(UserSubscription).values(status="canceled"))
    with transaction():
        counters.ask(CUSTOMER)

    refresh.write(acquire(), fetched(seats(1), date=NOON + 60), cause)

    assert shown()[0] == status


def test_a_confirmed_subscription_absent_from_a_fetch_stays() -> None:
    note("evt_1", created=NOON - 60)
    write(acquire(), fetched(seats(1)))
    with transaction():
        counters.ask(CUSTOMER)

    write(acquire(), fetched())

    assert shown() == ("active", 1, True)


def test_an_event_about_one_subscription_leaves_the_other_alone() -> None:
    note("evt_1", subscription_id="sub_A")
    note("evt_2", subscription_id="sub_B", created=NOON + 5)

    note("evt_3", subscription_id="sub_B", created=NOON + 9, status="canceled", ended_at=NOON)

    assert shown("sub_A")[0] == "active"
    assert shown("sub_B")[0] == "canceled"


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
    with transaction():
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
