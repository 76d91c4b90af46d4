"""What a polling frontend sees of its user's subscription."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from billing import clock
from billing.catalog import plans
from billing.catalog.seed import seed
from billing.database import db, transaction
from billing.models import User
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client
from tests.support.statements import counted

ME = "/v1/subscription/me"
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    with transaction():
        seed(plans.load(), "usd")


@pytest.fixture
def user(app: Flask) -> User:
    return a_user()


def test_a_new_user_sees_the_free_plan(client: Client, user: User):
    answer = client.get(ME, headers=auth(user.id))

    assert answer.status_code == 200
    assert answer.json == {
        "plan": "free",
        "status": None,
        "reason": "no_subscription",
        "until": None,
        "period": None,
        "quantity": None,
        "cancel_at": None,
        "trial_end": None,
        "pending": None,
        "features": ["dashboard"],
        "limits": {
            "rate_limit_multiplier": 1.0,
            "api_calls": 1000,
            "jobs_created": 10,
            "storage_used_mb": 100,
            "compute_minutes": 60,
        },
        "action": None,
        "as_of": None,
        "confirmed": True,
    }


def test_a_subscriber_sees_plan_status_period_and_end(client: Client, user: User):
    leaves_at = clock.utc_now().replace(microsecond=0) + timedelta(days=3)
    held = a_subscription(
        user, a_plan("pro"), quantity=4, cancel_at=leaves_at, expires_at=leaves_at
    )

    seen = client.get(ME, headers=auth(user.id)).json

    assert (seen["plan"], seen["status"], seen["reason"]) == ("pro", "active", "active")
    assert seen["quantity"] == 4
    assert seen["until"] == seen["cancel_at"] == leaves_at.isoformat()
    assert seen["period"] == {
        "start": held.current_period_start.isoformat(),
        "end": held.current_period_end.isoformat(),
    }
    assert seen["limits"]["jobs_created"] == 1000


def test_what_was_not_confirmed_yet_says_so(client: Client, user: User):
    a_subscription(user, a_plan("pro"), confirmed=False, as_of=NOON)

    seen = client.get(ME, headers=auth(user.id)).json

    assert (seen["plan"], seen["confirmed"]) == ("pro", False)
    assert seen["as_of"] == NOON.isoformat()


def test_a_poll_costs_at_most_two_statements(client: Client, user: User):
    a_subscription(user, a_plan("pro"))
    headers = auth(user.id)

    with counted() as sent:
        client.get(ME, headers=headers)

    assert 1 <= len(sent) <= 2


def test_an_unchanged_answer_is_304_without_a_body(client: Client, user: User):
    a_subscription(user, a_plan("pro"))
    first = client.get(ME, headers=auth(user.id))

    again = client.get(ME, headers=auth(user.id) | {"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, no-cache"


def test_the_tag_is_strong_and_caches_must_ask(client: Client, user: User):
    answer = client.get(ME, headers=auth(user.id))

    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]


def test_a_changed_subscription_is_a_changed_tag(client: Client, user: User):
    held = a_subscription(user, a_plan("pro"))
    first = client.get(ME, headers=auth(user.id))
    with transaction():
        db.session.merge(held).status = "unpaid"

    again = client.get(ME, headers=auth(user.id) | {"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.json["plan"]) == (200, "free")


def test_time_alone_changes_the_tag_when_it_changes_the_decision(client: Client, user: User):
    late_since = clock.utc_now() - timedelta(days=7) + timedelta(hours=1)
    a_subscription(user, a_plan("pro"), status="past_due", past_due_since=late_since)
    first = client.get(ME, headers=auth(user.id))

    with time_machine.travel(clock.utc_now() + timedelta(hours=2)):
        known = {"If-None-Match": first.headers["ETag"]}
        again = client.get(ME, headers=auth(user.id) | known)

    assert first.json["reason"] == "grace"
    assert (again.status_code, again.json["reason"]) == (200, "grace_over")


def test_a_check_that_finds_nothing_new_keeps_the_tag(client: Client, user: User):
    held = a_subscription(user, a_plan("pro"))
    first = client.get(ME, headers=auth(user.id))
    with transaction():
        db.session.merge(held).floor = 99

    again = client.get(ME, headers=auth(user.id) | {"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}], ids=["none", "bad"])
def test_without_a_good_token_the_answer_is_401(client: Client, headers: dict[str, str]):
    answer = client.get(ME, headers=headers)

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"


def test_before_the_plans_are_seeded_the_answer_is_503(client: Client, user: User):
    with transaction() as session:
        session.execute(db.text("DELETE FROM subscription_plans"))

    answer = client.get(ME, headers=auth(user.id))

    assert (answer.status_code, answer.json["code"]) == (503, "plans_missing")
    assert answer.headers["Retry-After"] == "30"
