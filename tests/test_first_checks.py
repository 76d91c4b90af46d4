"""The first things a newcomer tries by hand, over HTTP, with the plans as they are shipped."""

import pytest
from flask import Flask

from billing.catalog import plans
from billing.catalog.seed import seed
from billing.database import transaction
from billing.entitlements import increment_usage
from billing.errors import QuotaExceeded
from billing.models import Metric, User
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client

PERSON = {"email": "grace@example.com", "password": "nine quiet harbours"}


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    with transaction():
        seed(plans.load(), "usd")


@pytest.fixture
def newcomer(client: Client) -> dict[str, str]:
    """The header of somebody who has just registered."""
    token = client.post("/v1/auth/register", json=PERSON).json["access_token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def customer(app: Flask) -> User:
    user = a_user()
    a_subscription(user, a_plan("pro"))
    return user


def test_a_new_user_has_the_free_plan(client: Client, newcomer: dict[str, str]):
    assert client.get("/v1/subscription/me", headers=newcomer).json["plan"] == "free"


def test_a_user_can_view_the_subscription(client: Client, customer: User):
    seen = client.get("/v1/subscription/me", headers=auth(customer.id)).json

    assert (seen["plan"], seen["status"]) == ("pro", "active")


def test_a_user_can_view_the_usage(client: Client, newcomer: dict[str, str]):
    jobs = client.get("/v1/subscription/usage", headers=newcomer).json["jobs_created"]

    assert (jobs["limit"], jobs["used"], jobs["remaining"]) == (10, 0, 10)


def test_limits_differ_by_plan(client: Client, newcomer: dict[str, str], customer: User):
    free = client.get("/v1/subscription/me", headers=newcomer).json["limits"]
    pro = client.get("/v1/subscription/me", headers=auth(customer.id)).json["limits"]

    assert free["jobs_created"] < pro["jobs_created"]
    assert free["rate_limit_multiplier"] < pro["rate_limit_multiplier"]


def test_a_quota_blocks(app: Flask):
    user = a_user()
    increment_usage(user.id, Metric.JOBS_CREATED, 10)

    with pytest.raises(QuotaExceeded):
        increment_usage(user.id, Metric.JOBS_CREATED)
