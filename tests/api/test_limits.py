"""One budget a user over all endpoints, the poll and logging in apart, and none for webhooks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from billing.database import transaction
from billing.models import User, UserSubscription
from config import Config
from tests.conftest import configured
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client
from tests.support.statements import counted

ME = "/v1/subscription/me"
USAGE = "/v1/subscription/usage"
ACCOUNT = "/v1/auth/me"
LOGIN = "/v1/auth/login"
NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def config(database: str) -> Config:
    return replace(
        configured(database), rate_limit="3/minute", poll_limit="8/minute", auth_limit="4/minute"
    )


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free")
    return a_user()


def statuses(client: Client, path: str, times: int, **sent: object) -> list[int]:
    return [client.get(path, **sent).status_code for _ in range(times)]


def logins(client: Client, email: str, times: int, address: str = "198.51.100.1") -> list[int]:
    body = {"email": email, "password": "quite wrong"}
    sent = {"json": body, "environ_base": {"REMOTE_ADDR": address}}
    return [client.post(LOGIN, **sent).status_code for _ in range(times)]


def test_over_its_rate_a_user_is_refused_with_the_time_to_wait(client: Client, user: User):
    with time_machine.travel(NOON, tick=False):
        statuses(client, USAGE, 3, headers=auth(user.id))
        answer = client.get(USAGE, headers=auth(user.id))

    assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"] == "60"


def test_after_the_wait_the_user_is_admitted_again(client: Client, user: User):
    with time_machine.travel(NOON, tick=False) as now:
        before = statuses(client, USAGE, 4, headers=auth(user.id))
        now.shift(60)
        after = statuses(client, USAGE, 1, headers=auth(user.id))

    assert (before, after) == ([200, 200, 200, 429], [200])


def test_every_answer_tells_what_is_left(client: Client, user: User):
    with time_machine.travel(NOON, tick=False):
        client.get(USAGE, headers=auth(user.id))
        answer = client.get(USAGE, headers=auth(user.id))

    told = {name: answer.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")}
    assert told == {"Limit": "3", "Remaining": "1", "Reset": "60"}


def test_a_user_has_one_budget_over_all_endpoints(client: Client, user: User):
    headers = auth(user.id)

    seen = [client.get(path, headers=headers).status_code for path in (USAGE, ACCOUNT) * 2]

    assert seen == [200, 200, 200, 429]


def test_each_user_has_a_budget_of_their_own(client: Client, user: User):
    statuses(client, USAGE, 4, headers=auth(user.id))

    assert statuses(client, USAGE, 1, headers=auth(a_user().id)) == [200]


def test_polling_has_a_bucket_of_its_own(client: Client, user: User):
    statuses(client, USAGE, 4, headers=auth(user.id))

    polls = statuses(client, ME, 9, headers=auth(user.id))

    assert polls == [200] * 8 + [429]


@pytest.mark.parametrize(
    ("multiplier", "admitted"),
    [("2.5", 7), ("0.5", 1), ("0.1", 1)],
    ids=["rounded-down", "half", "at-least-one"],
)
def test_the_plan_multiplies_the_rate(client: Client, user: User, multiplier: str, admitted: int):
    a_subscription(user, a_plan("pro", rate_limit_multiplier=multiplier))

    seen = statuses(client, USAGE, admitted + 1, headers=auth(user.id))

    assert seen == [200] * admitted + [429]


def test_a_plan_may_name_a_rate_of_its_own(client: Client, user: User):
    a_subscription(user, a_plan("pro", rate_limits={"api": "5/minute", "poll": "1/minute"}))

    assert client.get(USAGE, headers=auth(user.id)).headers["RateLimit-Limit"] == "5"
    assert client.get(ME, headers=auth(user.id)).headers["RateLimit-Limit"] == "1"


def test_a_new_plan_counts_from_the_next_request(client: Client, user: User):
    pro = a_plan("pro", rate_limit_multiplier=2)
    statuses(client, USAGE, 4, headers=auth(user.id))
    held = a_subscription(user, pro)
    upgraded = client.get(USAGE, headers=auth(user.id))
    with transaction() as session:
        session.execute(
            sa.update(UserSubscription)
            .where(UserSubscription.id == held.id)
            .values(status="unpaid")
        )

    lost = client.get(USAGE, headers=auth(user.id))

    assert (upgraded.status_code, upgraded.headers["RateLimit-Limit"]) == (200, "6")
    assert (lost.status_code, lost.headers["RateLimit-Limit"]) == (429, "3")


def test_the_plan_is_read_once_for_limit_and_view(client: Client, user: User):
    headers = auth(user.id)

    with counted() as sent:
        client.get(ME, headers=headers)

    assert len(sent) == 1


def test_strangers_share_the_budget_of_their_address(client: Client, user: User):
    here = {"environ_base": {"REMOTE_ADDR": "203.0.113.7"}}

    public = statuses(client, "/v1/plans", 2, **here)
    bad_token = statuses(client, ME, 2, headers={"Authorization": "Bearer x"}, **here)
    elsewhere = statuses(client, "/v1/plans", 1, environ_base={"REMOTE_ADDR": "203.0.113.8"})

    assert (public, bad_token, elsewhere) == ([200, 200], [401, 429], [200])


def test_an_ipv6_network_is_one_address(client: Client, user: User):
    hosts = [f"2001:db8::{number}" for number in range(1, 5)]

    seen = [
        client.get("/v1/plans", environ_base={"REMOTE_ADDR": host}).status_code for host in hosts
    ]

    assert seen == [200, 200, 200, 429]


@pytest.mark.parametrize("address", ["unknown", "198.51.100.1:443", "", "x" * 5000])
def test_an_address_that_is_none_is_limited_as_it_stands(client: Client, address: str):
    assert logins(client, "one@example.com", 2, address=address)[0] == 401


def test_logging_in_is_limited_by_address(client: Client):
    seen = [logins(client, f"user{number}@example.com", 1)[0] for number in range(5)]

    assert seen == [401, 401, 401, 401, 429]


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'{"email": 3}', b"not json", b"[" * 9000], ids=lambda body: body[:9]
)
def test_an_odd_body_is_limited_by_address_alone(client: Client, body: bytes):
    sent = {"data": body, "content_type": "application/json"}

    seen = [client.post(LOGIN, **sent).status_code for _ in range(5)]

    assert seen[4] == 429
    assert set(seen[:4]) <= {400, 401, 415, 422}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_health_and_documents_are_never_limited(client: Client, path: str):
    seen = [client.get(path) for _ in range(12)]

    assert {answer.status_code for answer in seen} == {200}
    assert "RateLimit-Limit" not in seen[-1].headers


def test_webhooks_are_never_limited(client: Client):
    seen = [client.post("/webhooks/stripe", data=b"{}") for _ in range(12)]

    assert {answer.status_code for answer in seen} == {400}


def test_who_asks_is_known_before_the_limiter_counts(app: Flask):
    hooks = [hook.__name__ for hook in app.before_request_funcs[None]]

    assert hooks.index("identify") < hooks.index("choose_budgets")
    assert hooks.index("choose_budgets") < hooks.index("_check_request_limit")
