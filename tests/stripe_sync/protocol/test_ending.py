"""When is a subscription over, and may it come back? Terminal rows and absent ones."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from billing.database import reading, transaction
from billing.models import (
    Cause,
    UserSubscription,
)
from billing.stripe_sync import counters, refresh
from tests.support.protocol import CUSTOMER, NOON, acquire, fetched, note, seats, shown, write


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


@pytest.mark.parametrize("cause", [Cause.REFRESH, Cause.RECONCILE, Cause.OPERATOR])
def test_nobody_reopens_what_an_event_has_just_ended(cause: Cause) -> None:
    note("evt_1", created=NOON - 60)
    write(acquire(), fetched(seats(1)))
    note("evt_2", created=NOON + 60, status="canceled", ended_at=NOON + 60)

    refresh.write(acquire(), fetched(seats(1), date=NOON + 61), cause)

    assert shown()[0] == "canceled"


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
