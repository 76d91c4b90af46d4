"""Many processes and threads on one quota: exactly the limit is admitted, on both databases."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from itertools import repeat
from uuid import UUID

import pytest
from flask import Flask

from billing import clock, create_app
from billing.database import db
from billing.entitlements import get_current_period_usage, increment_usage
from billing.errors import QuotaExceeded
from billing.models import Metric
from config import Config
from tests.support.factories import a_plan, a_subscription, a_user

LIMIT = 60
PROCESSES = 2
THREADS = 3
EACH = 15

pytestmark = pytest.mark.slow


def attempts(config: Config, user_id: UUID, metric: Metric, keys: list[str | None]) -> int:
    """Count one for each key, from several threads of one process; return how many were let in."""
    app = create_app(config)

    def attempt(key: str | None) -> bool:
        with app.app_context():
            try:
                increment_usage(user_id, metric, key=key)
            except QuotaExceeded:
                return False
            return True

    with ThreadPoolExecutor(THREADS) as threads:
        admitted = sum(threads.map(attempt, keys))
    with app.app_context():
        db.engine.dispose()
    return admitted


def admitted_by_all(config: Config, user_id: UUID, metric: Metric, keys: list[str | None]) -> int:
    """Run the same attempts in every process at the same time."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as processes:
        every = repeat((config, user_id, metric, keys), PROCESSES)
        return sum(processes.map(attempts, *zip(*every, strict=True)))


@pytest.fixture
def user_id(app: Flask) -> UUID:
    a_plan("free", max_jobs_per_month=LIMIT, max_api_calls_per_day=LIMIT)
    return a_user().id


@pytest.mark.parametrize("metric", [Metric.JOBS_CREATED, Metric.API_CALLS])
def test_exactly_the_limit_is_admitted(config: Config, user_id: UUID, metric: Metric):
    admitted = admitted_by_all(config, user_id, metric, [None] * THREADS * EACH)

    assert PROCESSES * THREADS * EACH > LIMIT
    assert admitted == LIMIT
    assert get_current_period_usage(user_id)[metric].used == LIMIT


def test_a_key_sent_by_everybody_at_once_counts_once(config: Config, user_id: UUID):
    keys = [f"job-{number}" for number in range(10)]

    admitted = admitted_by_all(config, user_id, Metric.JOBS_CREATED, keys)

    assert admitted == PROCESSES * len(keys)
    assert get_current_period_usage(user_id)[Metric.JOBS_CREATED].used == len(keys)


def used(user_id: UUID) -> int:
    return get_current_period_usage(user_id)[Metric.JOBS_CREATED].used


def test_an_upgrade_under_load_loses_no_count(config: Config, user_id: UUID):
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(
            admitted_by_all, config, user_id, Metric.JOBS_CREATED, [None] * THREADS * EACH
        )
        began = clock.utc_now().replace(microsecond=0) - timedelta(hours=1)
        user = a_user(email=None)
        while not running.done() and used(user_id) < LIMIT / 4:
            time.sleep(0.01)
        a_subscription(
            user,
            a_plan("pro", max_jobs_per_month=LIMIT),
            user_id=user_id,
            current_period_start=began,
            billing_cycle_anchor=began,
        )
        admitted = running.result()

    assert admitted == LIMIT
    assert get_current_period_usage(user_id)[Metric.JOBS_CREATED].used == LIMIT
