"""What a product's backend may do with a service key, and what it may not."""

from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from billing import clock
from billing.database import reading
from billing.entitlements import get_current_period_usage
from billing.identity import service_keys
from billing.identity.service_keys import Scope
from billing.models import Metric, User
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client

JOBS = Metric.JOBS_CREATED.value


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan("free", max_jobs_per_month=5)


@pytest.fixture
def user(app: Flask) -> User:
    return a_user(external_subject="u-1")


def key(*scopes: Scope) -> dict[str, str]:
    """The header of a backend with a new key."""
    return {"Authorization": f"Bearer {service_keys.create('jobs', scopes or Scope)[1]}"}


def used(user_id: UUID) -> int:
    return get_current_period_usage(user_id)[Metric.JOBS_CREATED].used


def test_a_user_is_made_once_and_then_found(client: Client):
    headers = key()

    first = client.put("/v1/users/ext:u-7", json={"email": "Second@example.com"}, headers=headers)
    again = client.put("/v1/users/ext:u-7", json={}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert (first.json["external_id"], first.json["email"]) == ("u-7", "second@example.com")


def test_an_address_that_is_given_replaces_the_one_held(client: Client, user: User):
    for name in ("ext:u-1", str(user.id)):
        answer = client.put(
            f"/v1/users/{name}", json={"email": f"{name[-1]}@a.example"}, headers=key()
        )
        assert answer.json["email"] == f"{name[-1]}@a.example"


@pytest.mark.parametrize("name", ["ext:u-1", "ext:new"])
def test_a_taken_address_is_a_conflict_and_changes_nothing(client: Client, user: User, name: str):
    a_user(email="taken@example.com")

    answer = client.put(f"/v1/users/{name}", json={"email": "taken@example.com"}, headers=key())

    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")
    with reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(User)) == 2


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        (str(UUID(int=7)), {}, 404),
        ("somebody", {}, 404),
        ("ext:", {}, 422),
        ("ext:" + "x" * 256, {}, 422),
        ("ext:u-1", {"email": "not an address"}, 422),
        ("ext:u-1", {"name": "Somebody"}, 422),
    ],
)
def test_odd_users_are_refused(
    client: Client, user: User, name: str, body: dict[str, str], status: int
):
    assert client.put(f"/v1/users/{name}", json=body, headers=key()).status_code == status


def test_access_tells_plan_features_limits_and_reason(client: Client, user: User):
    a_subscription(user, a_plan("pro", features={"exports": True}, max_jobs_per_month=50))

    by_id = client.get(f"/v1/access/{user.id}", headers=key())
    by_name = client.get("/v1/access/ext:u-1", headers=key())

    assert by_id.json == by_name.json
    assert (by_id.json["user_id"], by_id.json["plan"]) == (str(user.id), "pro")
    assert (by_id.json["features"], by_id.json["reason"]) == (["exports"], "active")
    assert by_id.json["limits"]["jobs_created"] == 50


def test_unchanged_access_is_304(client: Client, user: User):
    headers = key()
    first = client.get("/v1/access/ext:u-1", headers=headers)

    again = client.get(
        "/v1/access/ext:u-1", headers=headers | {"If-None-Match": first.headers["ETag"]}
    )

    assert again.status_code == 304


def ask(client: Client, step: str, headers: dict[str, str], **body: object):
    named = {"user": "ext:u-1", "metric": JOBS} if step in {"check", "consume", "reserve"} else {}
    return client.post(f"/v1/usage/{step}", json={**named, **body}, headers=headers)


def test_checking_counts_nothing(client: Client, user: User):
    answers = [ask(client, "check", key(), amount=amount).json for amount in (5, 6)]

    assert [answer["allowed"] for answer in answers] == [True, False]
    assert answers[0]["usage"]["used"] == 0


def test_consuming_counts_until_the_quota_refuses(client: Client, user: User):
    counted = ask(client, "consume", key(), amount=4)
    refused = ask(client, "consume", key(), amount=2)

    assert (counted.status_code, counted.json["usage"]["remaining"]) == (200, 1)
    assert (refused.status_code, refused.json["code"]) == (429, "quota_exceeded")
    assert refused.json["used"] == 4


def test_a_key_consumes_once_and_another_amount_is_a_conflict(client: Client, user: User):
    told = [ask(client, "consume", key(), key="a").json["counted"] for _ in range(2)]
    other = ask(client, "consume", key(), key="a", amount=2)

    assert told == [True, False]
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")
    assert used(user.id) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**31},
        {"amount": "1"},
        {"amount": 1.5},
        {"metric": "jobs"},
        {"key": ""},
        {"key": "x" * 256},
        {"extra": 1},
    ],
    ids=str,
)
def test_an_odd_request_is_422_and_counts_nothing(
    client: Client, user: User, body: dict[str, object]
):
    assert ask(client, "consume", key(), **body).status_code == 422
    assert used(user.id) == 0


def test_an_unknown_user_is_404(client: Client):
    assert ask(client, "consume", key(), user="ext:nobody").status_code == 404


def test_work_is_reserved_and_then_committed(client: Client, user: User):
    held = ask(client, "reserve", key(), amount=4).json
    ended = ask(client, "commit", key(), user="ext:u-1", reservation=held["id"], amount=3)

    assert (held["state"], held["usage"]["used"]) == ("held", 4)
    assert (ended.json["state"], ended.json["usage"]["used"]) == ("committed", 3)


def test_a_commit_after_a_release_is_409(client: Client, user: User):
    held = ask(client, "reserve", key()).json["id"]
    released = ask(client, "release", key(), user="ext:u-1", reservation=held)

    late = ask(client, "commit", key(), user="ext:u-1", reservation=held)

    assert released.json["usage"]["used"] == 0
    assert (late.status_code, late.json["code"]) == (409, "reservation_over")


def test_a_list_is_counted_item_by_item_and_tells_which_failed(client: Client, user: User):
    good = {"user": "ext:u-1", "metric": JOBS, "amount": 2, "key": "a"}
    records = [
        good,
        good,
        good | {"key": "b", "user": "ext:nobody"},
        good | {"key": "c", "amount": -1},
        {"user": "ext:u-1", "metric": JOBS},
        good | {"key": "d", "amount": 4},
        good | {"key": "e", "amount": 3},
    ]

    answer = client.post("/v1/usage/record", json={"records": records}, headers=key())

    assert [one["code"] for one in answer.json["results"]] == [
        "counted",
        "repeated",
        "not_found",
        "invalid",
        "invalid",
        "quota_exceeded",
        "counted",
    ]
    assert "amount" in answer.json["results"][3]["errors"]
    assert used(user.id) == 5


def test_a_long_list_fits_and_a_longer_one_does_not(client: Client, user: User):
    record = {"user": f"ext:{'x' * 60}", "metric": JOBS, "key": "k" * 60}

    statuses = [
        client.post(
            "/v1/usage/record", json={"records": [record] * size}, headers=key()
        ).status_code
        for size in (1000, 1001, 0)
    ]

    assert statuses == [200, 422, 422]


ROUTES = [
    ("PUT", "/v1/users/ext:u-1", Scope.USERS),
    ("GET", "/v1/access/ext:u-1", Scope.ACCESS),
    ("POST", "/v1/usage/check", Scope.USAGE),
    ("POST", "/v1/usage/consume", Scope.USAGE),
    ("POST", "/v1/usage/reserve", Scope.USAGE),
    ("POST", "/v1/usage/commit", Scope.USAGE),
    ("POST", "/v1/usage/release", Scope.USAGE),
    ("POST", "/v1/usage/record", Scope.USAGE),
]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_key_without_the_scope_is_refused(
    client: Client, user: User, method: str, path: str, scope: Scope
):
    others = key(*(set(Scope) - {scope}))

    answer = client.open(path, method=method, json={}, headers=others)

    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")
    assert answer.json["scope"] == scope


@pytest.mark.parametrize(("method", "path"), [route[:2] for route in ROUTES])
def test_a_users_token_is_not_a_service_key(client: Client, user: User, method: str, path: str):
    answer = client.open(path, method=method, json={}, headers=auth(user.id))

    assert (answer.status_code, answer.json["code"]) == (403, "wrong_caller")


def test_a_service_key_is_not_a_users_token(client: Client):
    answer = client.get("/v1/subscription/me", headers=key())

    assert (answer.status_code, answer.json["code"]) == (403, "wrong_caller")


def test_an_unknown_or_revoked_key_is_401(client: Client, user: User):
    key_id, revoked = service_keys.create("old", Scope)
    service_keys.revoke(key_id)

    for bad in (revoked, service_keys.PREFIX + "made-up"):
        answer = client.get("/v1/access/ext:u-1", headers={"Authorization": f"Bearer {bad}"})
        assert (answer.status_code, answer.json["code"]) == (401, "service_key_invalid")


def test_a_backend_is_not_limited_by_rate(client: Client, user: User):
    answer = client.get("/v1/access/ext:u-1", headers=key())

    assert "RateLimit-Limit" not in answer.headers


def test_when_a_key_was_used_is_noted_once_a_minute(client: Client, user: User):
    headers = key()
    with time_machine.travel(clock.utc_now(), tick=False) as now:
        noted = []
        for _ in range(3):
            client.get("/v1/access/ext:u-1", headers=headers)
            noted.append(service_keys.every()[0].last_used_at)
            now.shift(40)

    assert noted[0] == noted[1] < noted[2]
