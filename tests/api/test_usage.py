"""What a caller sees of the own usage, and what a database fault means for quotas."""

import sqlite3
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from billing.database import db
from billing.entitlements import get_current_period_usage, increment_usage
from billing.identity import caller
from billing.models import Metric, User
from tests.database.test_faults import SHORT_PATIENCE, locked
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client

USAGE = "/v1/subscription/usage"
NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free", max_jobs_per_month=10, max_api_calls_per_day=100, max_storage_mb=50)
    return a_user()


def test_usage_tells_limit_used_remaining_reset_and_unit(client: Client, user: User):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user.id, Metric.JOBS_CREATED, 3)
        increment_usage(user.id, Metric.STORAGE_USED_MB, 7)

        answer = client.get(USAGE, headers=auth(user.id))

    month, day = "2031-04-01T00:00:00+00:00", "2031-03-11T00:00:00+00:00"
    assert answer.status_code == 200
    assert answer.json == {
        "api_calls": {
            "limit": 100,
            "used": 0,
            "remaining": 100,
            "resets_at": day,
            "unit": "calls",
            "state": "ok",
        },
        "jobs_created": {
            "limit": 10,
            "used": 3,
            "remaining": 7,
            "resets_at": month,
            "unit": "jobs",
            "state": "ok",
        },
        "storage_used_mb": {
            "limit": 50,
            "used": 7,
            "remaining": 43,
            "resets_at": None,
            "unit": "MB",
            "state": "ok",
        },
        "compute_minutes": {
            "limit": None,
            "used": 0,
            "remaining": None,
            "resets_at": month,
            "unit": "minutes",
            "state": "ok",
        },
    }


def test_usage_needs_a_token(client: Client):
    assert client.get(USAGE).status_code == 401


@pytest.fixture
def _impatient(app: Flask) -> None:
    """Wait for a lock a fifth of a second instead of many."""

    @sa.event.listens_for(db.engine, "checkout")
    def shorten(connection: sqlite3.Connection, *_: object) -> None:
        connection.cursor().execute(SHORT_PATIENCE[db.engine.dialect.name])
        connection.commit()  # a connection is lent with no transaction open


@pytest.mark.usefixtures("_impatient")
def test_when_counters_are_locked_the_answer_is_503_and_nothing_is_admitted(
    app: Flask, client: Client, user: User, database: str
):
    app.add_url_rule("/v1/work", view_func=work, methods=["POST"])
    client.post("/v1/work", headers=auth(user.id))

    with locked(database, "user_usage"):
        answer = client.post("/v1/work", headers=auth(user.id))

    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert get_current_period_usage(user.id)[Metric.JOBS_CREATED].used == 1


def work() -> dict[str, int | None]:
    """Count a job."""
    return {"left": increment_usage(caller().user_id, Metric.JOBS_CREATED).remaining}
