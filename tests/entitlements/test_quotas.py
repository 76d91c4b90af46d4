"""Quotas are promises sold: counted once, never over-admitted, carried over plan changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from billing import entitlements
from billing.catalog.terms import Plan
from billing.database import db, reading, transaction
from billing.entitlements import (
    check_quota,
    get_current_period_usage,
    increment_usage,
    release_storage,
    set_storage,
)
from billing.entitlements.counters import FULL
from billing.entitlements.counting import KeyReused
from billing.entitlements.quotas import MAX_AMOUNT
from billing.errors import Invalid, NotFound, QuotaExceeded
from billing.models import (
    Metric,
    SubscriptionPlan,
    UsageKey,
    User,
    UserStorage,
    UserSubscription,
    UserUsage,
    UserUsageDay,
)
from tests.support.factories import a_plan, a_subscription, a_user
from tests.support.statements import counted

NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JOBS, CALLS, STORAGE, MINUTES = (
    Metric.JOBS_CREATED,
    Metric.API_CALLS,
    Metric.STORAGE_USED_MB,
    Metric.COMPUTE_MINUTES,
)


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan(
        "free",
        max_jobs_per_month=3,
        max_api_calls_per_day=3,
        max_storage_mb=3,
        max_compute_minutes_per_month=3,
    )
    a_plan("pro", max_jobs_per_month=10)


@pytest.fixture
def user(app: Flask) -> User:
    return a_user()


def used(user: User) -> dict[Metric, int]:
    return {metric: tally.used for metric, tally in get_current_period_usage(user.id).items()}


def subscribe(user: User, start: datetime, **values: Any) -> UserSubscription:
    month = start.replace(month=start.month + 1)
    period = {"current_period_start": start, "current_period_end": month}
    return a_subscription(
        user, a_plan("pro"), **{**period, "billing_cycle_anchor": start, **values}
    )


def change(row: UserSubscription, **values: Any) -> None:
    with transaction() as session:
        session.execute(
            sa.update(UserSubscription).where(UserSubscription.id == row.id).values(**values)
        )


@pytest.mark.parametrize("metric", Metric)
def test_a_quota_admits_up_to_its_limit_and_then_refuses(user: User, metric: Metric):
    for _ in range(3):
        increment_usage(user.id, metric)

    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, metric)

    assert used(user)[metric] == 3


@pytest.mark.parametrize("metric", Metric)
def test_an_amount_that_does_not_fit_counts_nothing(user: User, metric: Metric):
    increment_usage(user.id, metric, 2)

    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, metric, 2)

    assert used(user) == dict.fromkeys(Metric, 0) | {metric: 2}


def test_a_refusal_tells_its_facts(user: User):
    with time_machine.travel(NOON, tick=False), pytest.raises(QuotaExceeded) as refusal:
        increment_usage(user.id, JOBS, 4)

    assert refusal.value.facts == {
        "metric": "jobs_created",
        "limit": 3,
        "used": 0,
        "requested": 4,
        "resets_at": "2031-04-01T00:00:00+00:00",
    }
    assert refusal.value.retry_after == (21 * 24 + 12) * 3600


def test_a_refusal_of_storage_has_no_reset_and_still_says_when_to_ask(user: User):
    with pytest.raises(QuotaExceeded) as refusal:
        increment_usage(user.id, STORAGE, 4)

    assert refusal.value.facts["resets_at"] is None
    assert refusal.value.retry_after == 3600


def test_counting_tells_what_is_used_and_left(user: User):
    with time_machine.travel(NOON, tick=False):
        usage = increment_usage(user.id, CALLS, 2)

    assert (usage.limit, usage.used, usage.remaining, usage.unit) == (3, 2, 1, "calls")
    assert usage.resets_at == datetime(2031, 3, 11, tzinfo=UTC)


def test_without_a_quota_everything_is_admitted_and_counted(user: User):
    a_subscription(user, a_plan("pro"))

    usage = increment_usage(user.id, STORAGE, MAX_AMOUNT)

    assert (usage.limit, usage.used, usage.remaining) == (None, MAX_AMOUNT, None)


def test_a_counter_at_its_types_edge_refuses(user: User):
    with transaction() as session:
        session.execute(sa.update(SubscriptionPlan).values(max_storage_mb=None))
        session.add(UserStorage(user_id=user.id, storage_used_mb=FULL - 1))

    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, STORAGE, 2)

    assert increment_usage(user.id, STORAGE, 1).used == FULL


def test_checking_answers_and_counts_nothing(user: User):
    answers = [check_quota(user.id, JOBS, amount) for amount in (3, 3, 4)]

    assert answers == [True, True, False]
    assert used(user)[JOBS] == 0


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, 1.5, "1", True, None])
def test_an_odd_amount_is_refused(user: User, amount: Any):
    with pytest.raises(Invalid):
        increment_usage(user.id, JOBS, amount)
    with pytest.raises(Invalid):
        check_quota(user.id, JOBS, amount)

    assert used(user)[JOBS] == 0


def test_an_unknown_user_is_not_found(app: Flask):
    with pytest.raises(NotFound):
        increment_usage(uuid4(), JOBS)


def test_a_key_counts_once(user: User):
    first = increment_usage(user.id, JOBS, 2, key="job-1")
    again = increment_usage(user.id, JOBS, 2, key="job-1")

    assert (first.used, again.used) == (2, 2)


def test_a_key_that_was_refused_counts_when_there_is_room(user: User):
    increment_usage(user.id, STORAGE, 3)
    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, STORAGE, 1, key="file-1")
    release_storage(user.id, 3)

    usage = increment_usage(user.id, STORAGE, 1, key="file-1")

    assert usage.used == 1


@pytest.mark.parametrize(("metric", "amount"), [(JOBS, 2), (MINUTES, 1)], ids=["amount", "metric"])
def test_a_key_used_for_something_else_is_a_conflict(user: User, metric: Metric, amount: int):
    increment_usage(user.id, JOBS, 1, key="job-1")

    with pytest.raises(KeyReused):
        increment_usage(user.id, metric, amount, key="job-1")

    assert used(user)[JOBS] == 1


def test_a_key_belongs_to_its_user(user: User):
    increment_usage(user.id, JOBS, key="job-1")

    assert increment_usage(a_user().id, JOBS, key="job-1").used == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"], ids=["empty", "long", "control"])
def test_an_odd_key_is_refused(user: User, key: str):
    with pytest.raises(Invalid):
        increment_usage(user.id, JOBS, key=key)

    assert used(user)[JOBS] == 0


def test_a_count_in_the_common_case_is_one_statement(user: User):
    increment_usage(user.id, JOBS)
    user_id = user.id

    with counted() as sent:
        increment_usage(user_id, JOBS)

    assert [statement.split()[0] for statement in sent] == ["UPDATE"]


def test_calls_count_by_day_and_in_the_month(user: User):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, CALLS, 3)
    with time_machine.travel(NOON + DAY, tick=False):
        increment_usage(user.id, CALLS, 2)
        today = used(user)[CALLS]

    assert today == 2
    with reading() as session:
        days = session.execute(
            sa.select(UserUsageDay.day, UserUsageDay.api_calls).order_by(UserUsageDay.day)
        ).all()
        assert [(str(day), calls) for day, calls in days] == [("2031-03-10", 3), ("2031-03-11", 2)]
        assert session.scalars(sa.select(UserUsage.api_calls)).all() == [5]


def test_a_renewal_starts_at_zero(user: User):
    subscription = subscribe(user, NOON - 5 * DAY)
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, JOBS, 9)
    renewed = NOON - 5 * DAY + 31 * DAY
    change(subscription, current_period_start=renewed, current_period_end=renewed.replace(month=5))

    with time_machine.travel(renewed, tick=False):
        assert increment_usage(user.id, JOBS).used == 1


def test_a_renewal_we_have_not_heard_of_starts_at_zero_too(user: User):
    subscribe(user, NOON - 5 * DAY)
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, JOBS, 9)

    with time_machine.travel(NOON + 27 * DAY, tick=False):
        assert used(user)[JOBS] == 0
        assert increment_usage(user.id, JOBS).used == 1


def test_storage_survives_the_turn_of_the_window(user: User):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, STORAGE, 2)
    with time_machine.travel(NOON + 30 * DAY, tick=False):
        usage = increment_usage(user.id, STORAGE, 1)

    assert usage.used == 3


def test_an_upgrade_in_mid_window_carries_what_was_used(user: User):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, JOBS, 3)
    subscribe(user, NOON + DAY)

    with time_machine.travel(NOON + 2 * DAY, tick=False):
        assert used(user)[JOBS] == 3
        usage = increment_usage(user.id, JOBS)

    assert (usage.used, usage.limit) == (4, 10)
    assert usage.resets_at == (NOON + DAY).replace(month=4)


def test_cancelling_and_resubscribing_does_not_reset(user: User):
    first = subscribe(user, NOON)
    with time_machine.travel(NOON + DAY, tick=False):
        increment_usage(user.id, JOBS, 8)
    change(first, status="canceled", ended_at=NOON + 2 * DAY)
    with time_machine.travel(NOON + 3 * DAY, tick=False), pytest.raises(QuotaExceeded):
        increment_usage(user.id, JOBS)
    subscribe(user, NOON + 4 * DAY)

    with time_machine.travel(NOON + 5 * DAY, tick=False):
        assert increment_usage(user.id, JOBS).used == 9


def test_going_back_to_a_window_keeps_what_was_counted_elsewhere(user: User):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, JOBS, 1)
    held = subscribe(user, NOON + DAY)
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        increment_usage(user.id, JOBS, 1)
    change(held, status="canceled", ended_at=NOON + 3 * DAY)

    with time_machine.travel(NOON + 4 * DAY, tick=False):
        usage = increment_usage(user.id, JOBS, 1)

    assert (usage.used, usage.limit) == (3, 3)


def test_what_is_carried_is_moved_so_that_no_count_stands_twice(user: User):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, JOBS, 2)
    subscribe(user, NOON + DAY)

    with time_machine.travel(NOON + 2 * DAY, tick=False):
        increment_usage(user.id, JOBS)

    with reading() as session:
        assert sorted(session.scalars(sa.select(UserUsage.jobs_created))) == [0, 3]


def test_a_smaller_plan_refuses_what_the_larger_one_had_admitted(user: User):
    held = subscribe(user, NOON)
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, JOBS, 8)
        change(held, plan_id=a_plan("free").id)

        with pytest.raises(QuotaExceeded) as refusal:
            increment_usage(user.id, JOBS)
        left = get_current_period_usage(user.id)[JOBS].remaining

    assert (refusal.value.facts["used"], refusal.value.facts["limit"]) == (8, 3)
    assert left == 0


def test_storage_is_set_added_and_taken_off_but_never_below_zero(user: User):
    totals = [
        set_storage(user.id, 2).used,
        increment_usage(user.id, STORAGE, 1).used,
        release_storage(user.id, 2).used,
        release_storage(user.id, 2).used,
        set_storage(user.id, 0).used,
    ]

    assert totals == [2, 3, 1, 0, 0]


def test_storage_cannot_be_set_over_the_quota(user: User):
    set_storage(user.id, 2)

    with pytest.raises(QuotaExceeded):
        set_storage(user.id, 4)

    assert used(user)[STORAGE] == 2


def test_usage_is_read_in_one_statement_beside_the_standing(user: User):
    increment_usage(user.id, JOBS)
    user_id = user.id

    with counted() as sent:
        get_current_period_usage(user_id)

    assert len(sent) == 2


def test_a_user_never_seen_has_used_nothing(user: User):
    assert used(user) == dict.fromkeys(Metric, 0)


def test_keys_are_kept_only_for_what_counted(user: User):
    increment_usage(user.id, JOBS, 3, key="kept")
    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, JOBS, 1, key="not-kept")

    with reading() as session:
        assert session.scalars(sa.select(UsageKey.key)).all() == ["kept"]


def test_every_metric_has_a_quota_on_the_plan(app: Flask):
    terms = Plan.of(db.session.merge(a_plan("free")))

    assert set(terms.quotas) == set(Metric)
    assert entitlements.get_user_plan(a_user().id).quotas == dict.fromkeys(Metric, 3)
