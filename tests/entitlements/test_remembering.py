"""What was decided is remembered, and never outlives a change or the moment of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask, current_app

from billing import create_app
from billing.catalog import plans, seed
from billing.database import db, dialect_name, direct, reading, transaction
from billing.entitlements import (
    get_current_period_usage,
    get_user_plan,
    increment_usage,
    reserve_usage,
    standing,
    standing_of,
)
from billing.errors import DatabaseUnavailable, NotFound, QuotaExceeded
from billing.models import Metric, SubscriptionPlan, User, UserSubscription, UserUsage, UserUsageDay
from config import Config
from tests.support import databases, statements
from tests.support.factories import a_plan, a_subscription, a_user
from tests.support.statements import counted

NOON = datetime(2031, 5, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JOBS, CALLS = Metric.JOBS_CREATED, Metric.API_CALLS


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    quotas = {
        "max_api_calls_per_day": 2,
        "max_storage_mb": 2,
        "max_compute_minutes_per_month": 2,
    }
    a_plan("free", max_jobs_per_month=2, **quotas)
    a_plan("pro", **{name: 10 for name in (*quotas, "max_jobs_per_month")})


@pytest.fixture
def user(app: Flask) -> User:
    return a_user()


@pytest.fixture
def elsewhere(config: Config) -> Iterator[Flask]:
    """Another process, so to speak: it shares the database and remembers for itself."""
    app = create_app(config)
    yield app
    databases.close(app)


@contextmanager
def at(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def change(model: Any, row_id: object, **values: object) -> None:
    with transaction() as session:
        session.execute(sa.update(model).where(model.id == row_id).values(values))


def used(user: User, metric: Metric) -> int:
    return get_current_period_usage(user.id)[metric].used


@pytest.mark.parametrize("metric", Metric)
def test_a_plan_lowered_in_another_process_refuses_the_very_next_count(
    user: User, elsewhere: Flask, metric: Metric
):
    held = a_subscription(user, a_plan("pro"))
    increment_usage(user.id, metric, 2)
    free = a_plan("free").id
    with at(elsewhere):
        change(UserSubscription, held.id, plan_id=free)

    with pytest.raises(QuotaExceeded) as refusal:
        increment_usage(user.id, metric)

    assert refusal.value.facts["limit"] == 2
    assert used(user, metric) == 2


def test_a_plan_lowered_in_another_process_refuses_the_very_next_reservation(
    user: User, elsewhere: Flask
):
    held = a_subscription(user, a_plan("pro"))
    increment_usage(user.id, JOBS, 2)
    with at(elsewhere):
        change(UserSubscription, held.id, status="unpaid")

    with pytest.raises(QuotaExceeded):
        reserve_usage(user.id, JOBS)

    assert used(user, JOBS) == 2


def test_a_plan_lowered_in_another_process_keeps_no_key_of_the_very_next_count(
    user: User, elsewhere: Flask
):
    held = a_subscription(user, a_plan("pro"))
    increment_usage(user.id, JOBS, 2)
    with at(elsewhere):
        change(UserSubscription, held.id, status="unpaid")
    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, JOBS, key="job-1")
    with at(elsewhere):
        change(UserSubscription, held.id, status="active")

    assert increment_usage(user.id, JOBS, key="job-1").used == 3


def test_a_plan_bought_in_another_process_admits_the_very_next_count(user: User, elsewhere: Flask):
    increment_usage(user.id, JOBS, 2)
    pro = a_plan("pro")
    with at(elsewhere):
        a_subscription(user, pro)

    usage = increment_usage(user.id, JOBS)

    assert (usage.used, usage.limit) == (3, 10)


def test_a_quota_edited_in_another_process_counts_from_the_very_next_count(
    user: User, elsewhere: Flask
):
    increment_usage(user.id, JOBS, 2)
    with at(elsewhere):
        change(SubscriptionPlan, a_plan("free").id, max_jobs_per_month=3)

    usage = increment_usage(user.id, JOBS)

    assert (usage.used, usage.limit) == (3, 3)


def test_plans_seeded_in_another_process_count_from_the_next_question(user: User, elsewhere: Flask):
    before = standing_of(user.id).limit(JOBS)
    with at(elsewhere), transaction():
        seed.seed(plans.load(), "usd")

    after = standing_of(user.id).limit(JOBS)

    assert before != after


@pytest.mark.parametrize("metric", [JOBS, CALLS])
def test_grace_that_runs_out_by_the_clock_alone_refuses_the_next_count(user: User, metric: Metric):
    owing = NOON - 7 * DAY
    period = {"current_period_start": NOON - 9 * DAY, "current_period_end": NOON + 21 * DAY}
    a_subscription(user, a_plan("pro"), status="past_due", past_due_since=owing, **period)
    with time_machine.travel(NOON, tick=False) as now:
        now.shift(-1)
        increment_usage(user.id, metric, 5)
        now.shift(1)

        with pytest.raises(QuotaExceeded):
            increment_usage(user.id, metric)


def test_a_clock_that_is_set_back_is_believed(user: User):
    period = {"current_period_start": NOON - 9 * DAY, "current_period_end": NOON + 21 * DAY}
    a_subscription(user, a_plan("pro"), status="canceled", ended_at=NOON, **period)
    with time_machine.travel(NOON, tick=False):
        after = get_user_plan(user.id).name
    with time_machine.travel(NOON - DAY, tick=False):
        before = get_user_plan(user.id).name

    assert (before, after) == ("pro", "free")


def test_a_user_who_is_gone_counts_nothing(user: User, elsewhere: Flask):
    increment_usage(user.id, JOBS)
    with at(elsewhere), transaction() as session:
        session.execute(sa.delete(User).where(User.id == user.id))

    with pytest.raises(NotFound):
        increment_usage(user.id, JOBS)


def test_what_is_remembered_is_asked_for_its_version_alone(user: User):
    user_id = user.id
    standing_of(user_id)

    with counted() as sent:
        standing_of(user_id)

    assert [statement.count("standing_version") for statement in sent] == [1]
    assert "JOIN" not in sent[0]


def test_a_call_counts_in_its_day_and_its_month_and_reads_nothing_before(user: User):
    user_id = user.id
    increment_usage(user_id, CALLS)

    with counted() as sent:
        increment_usage(user_id, CALLS)

    assert len(sent) == {"sqlite": 2, "postgresql": 1}[dialect_name()]
    assert all("api_calls" in statement for statement in sent)


@pytest.mark.parametrize("gone", [UserUsage, UserUsageDay], ids=["month", "day"])
def test_a_call_counts_in_both_its_rows_or_in_none(user: User, gone: type[UserUsage]):
    increment_usage(user.id, CALLS)
    with transaction() as session:
        session.execute(sa.delete(gone))

    increment_usage(user.id, CALLS)

    with reading() as session:
        counts = [
            session.scalars(sa.select(row.api_calls)).all() for row in (UserUsage, UserUsageDay)
        ]
    assert sorted(counts) == [[1], [2]]


def test_a_moment_that_passes_is_told_though_the_decision_is_remembered(user: User):
    with time_machine.travel(NOON, tick=False) as now:
        first = standing_of(user.id)
        now.shift(60)
        second = standing_of(user.id)

    assert second == replace(first, moment=NOON + timedelta(minutes=1))


def test_a_process_remembers_no_more_than_it_may(user: User):
    memory = current_app.extensions.setdefault(standing.EXTENSION, {})
    memory.update(dict.fromkeys(range(standing.MOST)))

    standing_of(user.id)

    assert len(memory) == 1


def test_a_count_that_others_overtake_each_time_is_refused_as_busy(user: User, elsewhere: Flask):
    """The plans change each time that the standing was read, before it counts."""
    increment_usage(user.id, JOBS)
    user_id, bumped = user.id, []

    def overtake(sent: str) -> None:
        if "subscription_plans" in sent and "SELECT" in sent:
            bumped.append(sent)
            with at(elsewhere):
                direct.run_alone(BUMP, {})

    with at(elsewhere):
        change(SubscriptionPlan, a_plan("free").id, max_jobs_per_month=9)
    statements.watch(db.engine.dialect, overtake)

    with pytest.raises(DatabaseUnavailable):
        increment_usage(user_id, JOBS)

    assert len(bumped) > 1


BUMP = sa.text("UPDATE subscription_plans SET rank = rank")
