"""Quotas by the seat, soft quotas that flag instead of refusing, and warnings at a share."""

from typing import Any

import pytest
from flask import Flask

from billing.catalog import plans
from billing.entitlements import increment_usage, reserve_usage
from billing.errors import QuotaExceeded
from billing.models import Metric, User
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client

JOBS = Metric.JOBS_CREATED


def a_seat_holder(rule: dict[str, Any], **values: Any) -> User:
    """A user on a plan of ten jobs with the rule."""
    a_plan("free")
    user = a_user()
    a_subscription(user, a_plan("pro", max_jobs_per_month=10, quota_rules={JOBS: rule}), **values)
    return user


@pytest.mark.parametrize(("quantity", "limit"), [(3, 30), (1, 10), (0, 10), (None, 10)], ids=str)
def test_a_quota_by_the_seat_grows_with_the_quantity(
    app: Flask, client: Client, quantity: int | None, limit: int
):
    user = a_seat_holder({"per_seat": True}, quantity=quantity)

    usage = increment_usage(user.id, JOBS, limit)
    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, JOBS)

    assert usage.limit == limit
    shown = client.get("/v1/subscription/me", headers=auth(user.id)).json
    assert shown["limits"]["jobs_created"] == limit


def test_a_quota_of_the_plan_does_not_grow_with_the_quantity(app: Flask):
    user = a_seat_holder({}, quantity=3)

    assert increment_usage(user.id, JOBS, 10).limit == 10


def test_seats_count_no_more_once_the_subscription_grants_nothing(app: Flask):
    a_plan("free", max_jobs_per_month=2, quota_rules={JOBS: {"per_seat": True}})
    user = a_user()
    a_subscription(user, a_plan("pro"), status="unpaid", quantity=5)

    assert increment_usage(user.id, JOBS).limit == 2


def test_a_soft_quota_admits_counts_and_flags(app: Flask):
    user = a_seat_holder({"over": "allow"})

    states = [increment_usage(user.id, JOBS, amount).state for amount in (10, 1)]
    reserved = reserve_usage(user.id, JOBS, 5).usage

    assert states == ["ok", "over"]
    assert (reserved.used, reserved.remaining, reserved.state) == (16, 0, "over")


def test_a_share_of_the_quota_warns(app: Flask):
    user = a_seat_holder({"warn_at": 0.8})

    states = [increment_usage(user.id, JOBS, amount).state for amount in (7, 1, 2)]

    assert states == ["ok", "warn", "warn"]


RULED = (
    '[plans.free]\ndisplay_name = "Free"\nrank = 0\non_sale = true\nrate_limit_multiplier = 1\n'
    "quota_rules = {{ api_calls = {{ {} }} }}"
)


def test_rules_are_read_from_the_file():
    (free,) = plans.parse_plans(RULED.format('per_seat = true, over = "allow", warn_at = 0.5'))

    rule = free.quota_rules[Metric.API_CALLS]
    assert (rule.per_seat, rule.over, rule.warn_at) == (True, "allow", 0.5)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('over = "shrug"', "over: must be one of refuse, allow"),
        ("warn_at = 80", "warn_at: must be a share between 0.0 and 1.0"),
        ("warn_at = 1.0", "warn_at: must be a share between 0.0 and 1.0"),
        ("per_seat = 3", "per_seat: must be true or false"),
        ("seats = true", "seats: unknown; known are over, per_seat, warn_at"),
    ],
)
def test_a_slip_in_a_rule_is_named(rule: str, said: str):
    with pytest.raises(plans.BadPlans) as caught:
        plans.parse_plans(RULED.format(rule))

    assert f"plans.free.quota_rules.api_calls.{said}" in str(caught.value)
