"""`flask billing explain` says in words and in JSON why a user has a plan."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result
from flask import Flask

from billing.entitlements import increment_usage
from billing.models import Metric, StripeTestClock, User
from tests.support.factories import a_customer, a_plan, a_subscription, a_user, saved

NOON = datetime(2031, 5, 10, 12, tzinfo=UTC)


@pytest.fixture
def late(app: Flask) -> User:
    """A customer on a test clock who owes since yesterday."""
    a_plan("free")
    user = a_user(email="customer@example.com")
    saved(StripeTestClock(id="clock_1", frozen_at=NOON))
    a_customer(user, test_clock_id="clock_1")
    a_subscription(
        user,
        a_plan("pro", max_jobs_per_month=5),
        stripe_subscription_id="sub_late",
        status="past_due",
        past_due_since=NOON - timedelta(days=1),
        as_of=NOON,
        confirmed=False,
        current_period_start=NOON - timedelta(days=1),
        current_period_end=NOON + timedelta(days=30),
    )
    increment_usage(user.id, Metric.JOBS_CREATED, 2)
    return user


def explain(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["billing", "explain", *words])


def test_the_plan_its_reason_and_its_end_are_told_in_words(app: Flask, late: User):
    told = explain(app, "customer@example.com").output

    assert told.splitlines()[:4] == [
        f"customer@example.com ({late.id})",
        "The plan is pro until 2031-05-16 12:00 UTC: a payment is late, and the grace period runs.",
        "Decided for 2031-05-10 12:00:00 UTC.",
        "  sub_late: past_due, pro, not yet confirmed, as of 2031-05-10 12:00:00 UTC",
    ]
    assert "  jobs_created: 2 jobs of 5, resets 2031-06-09 12:00 UTC" in told
    assert "  api_calls: 0 calls unlimited, resets 2031-05-11 00:00 UTC" in told


def test_the_same_is_told_in_json(app: Flask, late: User):
    told = json.loads(explain(app, str(late.id), "--json").output)

    assert (told["plan"], told["reason"]) == ("pro", "grace")
    assert told["until"] == "2031-05-16T12:00:00+00:00"
    assert told["subscriptions"][0]["stripe_subscription_id"] == "sub_late"
    assert told["usage"]["jobs_created"]["remaining"] == 3


def test_a_user_without_a_subscription_is_free(app: Flask):
    a_plan("free")

    told = explain(app, str(a_user().id)).output

    assert "The plan is free: there is no subscription." in told


@pytest.mark.parametrize("name", ["second@example.com", "not-an-id", "0" * 32])
def test_an_unknown_user_is_named(app: Flask, name: str):
    result = explain(app, name)

    assert result.exit_code == 1
    assert f"There is no user {name!r}." in result.output
