"""Work that may fail reserves first: it counts from the start, and comes back if nothing comes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from billing.database import reading
from billing.entitlements import (
    commit_usage,
    get_current_period_usage,
    increment_usage,
    release_usage,
    reserve_usage,
)
from billing.entitlements.counting import KeyReused
from billing.entitlements.reservations import ReservationOver
from billing.errors import Invalid, NotFound, QuotaExceeded
from billing.models import Metric, User, UserUsage
from tests.support.factories import a_plan, a_subscription, a_user

NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JOBS = Metric.JOBS_CREATED


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan(
        "free",
        max_jobs_per_month=5,
        max_api_calls_per_day=5,
        max_storage_mb=5,
        max_compute_minutes_per_month=5,
    )
    a_plan("pro", max_jobs_per_month=50)


@pytest.fixture
def user(app: Flask) -> User:
    return a_user()


def used(user: User, metric: Metric = JOBS) -> int:
    return get_current_period_usage(user.id)[metric].used


@pytest.mark.parametrize("metric", Metric)
def test_a_reservation_counts_as_used_and_a_release_gives_it_back(user: User, metric: Metric):
    held = reserve_usage(user.id, metric, 4)
    while_held = used(user, metric)

    released = release_usage(user.id, held.id)

    assert (while_held, used(user, metric)) == (4, 0)
    assert (released.state, released.usage.used) == ("released", 0)


@pytest.mark.parametrize("metric", Metric)
def test_a_commit_keeps_what_it_took_and_gives_back_the_rest(user: User, metric: Metric):
    held = reserve_usage(user.id, metric, 4)

    committed = commit_usage(user.id, held.id, 3)

    assert (committed.state, committed.usage.used) == ("committed", 3)


def test_a_commit_without_an_amount_keeps_it_all(user: User):
    assert commit_usage(user.id, reserve_usage(user.id, JOBS, 4).id).usage.used == 4


def test_what_is_reserved_leaves_no_room_for_others(user: User):
    reserve_usage(user.id, JOBS, 4)

    with pytest.raises(QuotaExceeded) as refusal:
        reserve_usage(user.id, JOBS, 2)

    assert refusal.value.facts["used"] == 4
    assert used(user) == 4


def test_an_overdue_reservation_is_given_back_by_itself(user: User):
    with time_machine.travel(NOON, tick=False) as now:
        reserve_usage(user.id, JOBS, 5, seconds=60)
        now.shift(59)
        before = used(user)
        now.shift(1)

        assert (before, used(user)) == (5, 0)


def test_room_held_by_an_overdue_reservation_is_given_to_who_asks(user: User):
    with time_machine.travel(NOON, tick=False) as now:
        reserve_usage(user.id, JOBS, 5, seconds=60)
        now.shift(61)

        assert increment_usage(user.id, JOBS, 5).used == 5


def test_a_commit_after_the_time_is_a_conflict(user: User):
    with time_machine.travel(NOON, tick=False) as now:
        held = reserve_usage(user.id, JOBS, 5, seconds=60)
        now.shift(60)

        with pytest.raises(ReservationOver):
            commit_usage(user.id, held.id)

        assert used(user) == 0


def test_a_commit_after_a_release_is_a_conflict(user: User):
    held = reserve_usage(user.id, JOBS)
    release_usage(user.id, held.id)

    with pytest.raises(ReservationOver) as conflict:
        commit_usage(user.id, held.id)

    assert conflict.value.facts == {"state": "released"}
    assert used(user) == 0


def test_a_release_after_a_commit_is_a_conflict(user: User):
    held = reserve_usage(user.id, JOBS)
    commit_usage(user.id, held.id)

    with pytest.raises(ReservationOver):
        release_usage(user.id, held.id)

    assert used(user) == 1


def test_ending_twice_the_same_way_is_safe(user: User):
    kept, dropped = reserve_usage(user.id, JOBS, 2), reserve_usage(user.id, JOBS, 2)

    for _ in range(2):
        commit_usage(user.id, kept.id, 1)
        release_usage(user.id, dropped.id)

    assert used(user) == 1


def test_committing_another_amount_afterwards_is_a_conflict(user: User):
    held = reserve_usage(user.id, JOBS, 3)
    commit_usage(user.id, held.id, 2)

    with pytest.raises(ReservationOver):
        commit_usage(user.id, held.id, 3)

    assert used(user) == 2


@pytest.mark.parametrize("amount", [0, -1, 4, True])
def test_an_odd_amount_cannot_be_committed(user: User, amount: int):
    held = reserve_usage(user.id, JOBS, 3)

    with pytest.raises(Invalid):
        commit_usage(user.id, held.id, amount)

    assert used(user) == 3


@pytest.mark.parametrize("seconds", [0, -5, 24 * 3600 + 1, 1.5])
def test_an_odd_time_is_refused(user: User, seconds: Any):
    with pytest.raises(Invalid):
        reserve_usage(user.id, JOBS, seconds=seconds)

    assert used(user) == 0


def test_the_same_key_holds_once(user: User):
    first = reserve_usage(user.id, JOBS, 2, key="job-1")
    commit_usage(user.id, first.id, 1)

    again = reserve_usage(user.id, JOBS, 2, key="job-1")

    assert (again.id, again.state, again.usage.used) == (first.id, "committed", 1)


def test_a_key_of_another_reservation_is_a_conflict(user: User):
    reserve_usage(user.id, JOBS, 2, key="job-1")

    with pytest.raises(KeyReused):
        reserve_usage(user.id, JOBS, 3, key="job-1")

    assert used(user) == 2


def test_a_refused_key_may_try_again(user: User):
    full = reserve_usage(user.id, JOBS, 5)
    with pytest.raises(QuotaExceeded):
        reserve_usage(user.id, JOBS, 1, key="job-1")
    release_usage(user.id, full.id)

    assert reserve_usage(user.id, JOBS, 1, key="job-1").state == "held"


@pytest.mark.parametrize("end", [commit_usage, release_usage])
def test_somebody_elses_reservation_is_not_found(user: User, end: Any):
    held = reserve_usage(user.id, JOBS)

    with pytest.raises(NotFound):
        end(a_user().id, held.id)
    with pytest.raises(NotFound):
        end(user.id, uuid4())

    assert used(user) == 1


def test_a_release_after_the_windows_turn_leaves_the_new_window_alone(user: User):
    with time_machine.travel(datetime(2031, 3, 31, 23, 59, tzinfo=UTC), tick=False) as now:
        held = reserve_usage(user.id, JOBS, 3)
        now.shift(120)
        increment_usage(user.id, JOBS, 2)

        release_usage(user.id, held.id)

        assert used(user) == 2
    with reading() as session:
        counts = sa.select(UserUsage.jobs_created).order_by(UserUsage.period_start)
        assert session.scalars(counts).all() == [0, 2]


def test_a_release_follows_its_count_into_the_window_of_a_new_plan(user: User):
    with time_machine.travel(NOON, tick=False) as now:
        held = reserve_usage(user.id, JOBS, 3)
        upgrade(user, NOON)
        now.shift(60)
        increment_usage(user.id, JOBS, 2)
        before = used(user)

        release_usage(user.id, held.id)

        assert (before, used(user)) == (5, 2)


def upgrade(user: User, start: datetime) -> None:
    month = {"current_period_start": start, "current_period_end": start + 30 * DAY}
    a_subscription(user, a_plan("pro"), billing_cycle_anchor=start, **month)
