"""The example product: a quota and a feature guard its routes, in the process of the service."""

from collections.abc import Callable

import pytest
from flask import Flask

from billing.entitlements import get_current_period_usage
from billing.models import Metric, User
from config import Config
from examples.jobs_app import STORE, create_app
from tests.support.factories import a_plan, a_subscription, a_user, auth
from tests.support.requests import Client

JOBS = "/v1/jobs"
JOB = {"name": "resize images"}


@pytest.fixture
def make() -> Callable[[Config], Flask]:
    return create_app


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free", max_jobs_per_month=2)
    return a_user()


def counted(user: User) -> int:
    return get_current_period_usage(user.id)[Metric.JOBS_CREATED].used


def test_a_job_that_is_created_counts(client: Client, user: User):
    answer = client.post(JOBS, json=JOB, headers=auth(user.id))

    assert (answer.status_code, answer.json["name"]) == (201, "resize images")
    assert counted(user) == 1


def test_when_the_quota_is_used_up_the_route_is_refused_with_the_facts(client: Client, user: User):
    headers = auth(user.id)

    seen = [client.post(JOBS, json=JOB, headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in seen] == [201, 201, 429]
    refusal = seen[-1].json
    assert (refusal["code"], refusal["metric"]) == ("quota_exceeded", "jobs_created")
    assert (refusal["limit"], refusal["used"]) == (2, 2)
    assert int(seen[-1].headers["Retry-After"]) > 0


def test_a_job_that_is_refused_by_its_schema_counts_nothing(client: Client, user: User):
    answer = client.post(JOBS, json={"name": ""}, headers=auth(user.id))

    assert answer.status_code == 422
    assert counted(user) == 0


def test_a_retried_job_is_one_job_and_counts_once(client: Client, user: User):
    headers = auth(user.id) | {"Idempotency-Key": "job-1"}

    first = client.post(JOBS, json=JOB, headers=headers)
    again = client.post(JOBS, json=JOB, headers=headers)

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (len(STORE[user.id]), counted(user)) == (1, 1)


def test_a_constant_key_buys_no_jobs_beyond_the_quota(client: Client, user: User):
    headers = auth(user.id) | {"Idempotency-Key": "always the same"}

    answers = [client.post(JOBS, json={"name": f"job {n}"}, headers=headers) for n in range(30)]

    assert [one.status_code for one in answers] == [201] + [409] * 29
    assert (len(STORE[user.id]), counted(user)) == (1, 1)


def test_a_failed_try_leaves_its_key_for_the_next(client: Client, user: User):
    headers = auth(user.id) | {"Idempotency-Key": "job-1"}

    client.post(JOBS, json={"name": ""}, headers=headers)
    client.post(JOBS, json=JOB, headers=headers)

    assert counted(user) == 1


def test_a_stranger_creates_nothing(client: Client, user: User):
    assert client.post(JOBS, json=JOB).status_code == 401


def test_a_feature_that_is_not_in_the_plan_is_403(client: Client, user: User):
    answer = client.get(f"{JOBS}/export", headers=auth(user.id))

    assert (answer.status_code, answer.json["code"]) == (403, "feature_not_in_plan")
    assert (answer.json["feature"], answer.json["plan"]) == ("exports", "free")


def test_a_feature_of_the_plan_opens_its_route(client: Client, user: User):
    a_subscription(user, a_plan("pro", features={"exports": True}))
    client.post(JOBS, json=JOB, headers=auth(user.id))

    answer = client.get(f"{JOBS}/export", headers=auth(user.id))

    assert answer.status_code == 200
    assert [job["name"] for job in answer.json["jobs"]] == ["resize images"]
