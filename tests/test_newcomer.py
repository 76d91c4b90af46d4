"""Does what the README shows by hand come out so? With the plans as plans.toml sells them."""

from collections.abc import Callable

import pytest
from flask import Flask

from billing.catalog import plans, seed
from billing.database import transaction
from config import Config
from examples.jobs_app import create_app
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client

CREDENTIALS = {"email": "me@example.com", "password": "four random words here"}


@pytest.fixture
def make() -> Callable[[Config], Flask]:
    return create_app


@pytest.fixture(autouse=True)
def _plans(app: Flask, config: Config) -> None:
    with transaction():
        seed.seed(plans.load(), config.default_currency)


@pytest.fixture
def newcomer(client: Client) -> dict[str, str]:
    """The headers of somebody who has just registered."""
    token = client.post("/v1/auth/register", json=CREDENTIALS).json["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_a_new_user_has_the_free_plan(client: Client, newcomer: dict[str, str]) -> None:
    shown = client.get("/v1/subscription/me", headers=newcomer).json

    assert (shown["plan"], shown["status"], shown["reason"]) == ("free", None, "no_subscription")


def test_a_user_can_view_the_subscription(client: Client) -> None:
    user = a_user()
    a_subscription(user, a_plan("pro"))

    shown = client.get("/v1/subscription/me", headers=auth(user.id)).json

    assert (shown["plan"], shown["status"], shown["reason"]) == ("pro", "active", "active")
    assert shown["features"] == ["dashboard", "exports", "webhooks"]


def test_a_user_can_view_usage(client: Client, newcomer: dict[str, str]) -> None:
    client.post("/v1/jobs", json={"name": "one"}, headers=newcomer)

    jobs = client.get("/v1/subscription/usage", headers=newcomer).json["jobs_created"]

    assert (jobs["used"], jobs["limit"], jobs["remaining"], jobs["unit"]) == (1, 10, 9, "jobs")


def test_limits_differ_by_plan(client: Client) -> None:
    on_pro = a_user()
    a_subscription(on_pro, a_plan("pro"))

    free = client.get("/v1/plans", headers=auth(a_user().id)).headers["RateLimit-Limit"]
    pro = client.get("/v1/plans", headers=auth(on_pro.id)).headers["RateLimit-Limit"]

    assert (free, pro) == ("120", "600")


def test_a_quota_blocks(client: Client, newcomer: dict[str, str]) -> None:
    answers = [
        client.post("/v1/jobs", json={"name": f"job {number}"}, headers=newcomer)
        for number in range(11)
    ]

    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    assert answers[-1].json["code"] == "quota_exceeded"
