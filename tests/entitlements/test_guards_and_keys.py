"""A guarded view and the `Idempotency-Key` of its caller: what the user gets, what is counted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask, Response, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.test import TestResponse

from billing.database import moment, transaction
from billing.entitlements import get_current_period_usage, requires_quota
from billing.models import IdempotencyKey, Metric, User
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client

WORK = "/v1/work"
QUOTA = 3


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free", max_jobs_per_month=QUOTA)
    return a_user()


@pytest.fixture
def done() -> list[str]:
    """What the view did, in order."""
    return []


def serve(
    app: Flask, view: Callable[[], ResponseReturnValue], amount: int = 1, path: str = WORK
) -> None:
    """Put the view behind a quota of jobs."""
    guarded = requires_quota("jobs_created", amount)(view)
    app.add_url_rule(path, endpoint="work", view_func=guarded, methods=["GET", "POST"])


def working(done: list[str]) -> Callable[[], ResponseReturnValue]:
    """Make a view that does a piece of work and names it."""

    def work() -> ResponseReturnValue:
        done.append(f"job {len(done) + 1}")
        return {"job": done[-1]}, 201

    return work


def keyed(user_id: UUID, key: str = "always the same") -> dict[str, str]:
    return auth(user_id) | {"Idempotency-Key": key}


def used(user: User) -> int:
    return get_current_period_usage(user.id)[Metric.JOBS_CREATED].used


def test_a_repeated_request_gets_the_first_answer_and_no_second_piece_of_work(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    serve(app, working(done))

    answers = [client.post(WORK, headers=keyed(user.id)) for _ in range(5)]

    assert [(one.status_code, one.json) for one in answers] == [(201, {"job": "job 1"})] * 5
    assert (len(done), used(user)) == (1, 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(WORK, {"another": "body"}, id="another body"),
        pytest.param(f"{WORK}?another=query", {}, id="another query"),
    ],
)
def test_another_request_under_the_same_key_is_refused_and_nothing_is_done(
    app: Flask, client: Client, user: User, done: list[str], path: str, body: dict[str, str]
) -> None:
    serve(app, working(done))
    client.post(WORK, json={}, headers=keyed(user.id))

    answer = client.post(path, json=body, headers=keyed(user.id))

    assert (answer.status_code, answer.json["code"]) == (409, "idempotency_key_reused")
    assert (len(done), used(user)) == (1, 1)


def test_the_same_key_of_another_user_is_another_request(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    serve(app, working(done))
    other = a_user()
    client.post(WORK, headers=keyed(user.id))

    answer = client.post(WORK, headers=keyed(other.id))

    assert answer.json == {"job": "job 2"}
    assert (used(user), used(other)) == (1, 1)


def test_reading_under_a_key_counts_every_time(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    serve(app, working(done))

    answers = [client.get(WORK, headers=keyed(user.id)) for _ in range(QUOTA + 1)]

    assert [one.status_code for one in answers] == [201] * QUOTA + [429]
    assert len(done) == used(user) == QUOTA


def test_a_key_whose_request_failed_is_free_and_nothing_stays_counted(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    work = working(done)
    serve(app, lambda: ({}, 500) if request.args.get("fails") or not done else work())
    client.post(WORK, headers=keyed(user.id))
    after_failure = used(user)
    done.append("mended")

    answer = client.post(WORK, headers=keyed(user.id))

    assert (after_failure, answer.status_code, used(user)) == (0, 201, 1)


def test_a_request_without_room_leaves_its_key_for_a_later_month(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    serve(app, working(done), QUOTA + 1)

    answers = [client.post(WORK, headers=keyed(user.id)) for _ in range(2)]

    assert [one.json["code"] for one in answers] == ["quota_exceeded"] * 2
    assert (done, used(user)) == ([], 0)


def test_a_retry_after_a_crash_in_the_view_counts_its_own_work(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    serve(app, working(done))
    client.post(WORK, headers=keyed(user.id))
    with transaction() as session:  # as a process leaves it that died before it kept the answer
        died = {"status": None, "body": None, "claimed_until": moment(-1)}
        session.execute(sa.update(IdempotencyKey).values(died))

    client.post(WORK, headers=keyed(user.id))

    assert len(done) == used(user) == 2


def test_at_the_same_time_one_works_and_the_others_get_its_answer_or_are_refused(
    app: Flask, user: User, done: list[str]
) -> None:
    serve(app, working(done))
    headers = keyed(user.id)

    def call(_: int) -> TestResponse:
        return FlaskClient(app, app.response_class).post(WORK, headers=headers)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, range(6)))

    assert {one.status_code for one in answers} <= {201, 409}
    assert len(done) == used(user) == 1


def test_two_quotas_on_one_view_count_both_under_one_key(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    serve(app, requires_quota("compute_minutes", 7)(working(done)))

    answers = [client.post(WORK, headers=keyed(user.id)) for _ in range(2)]

    usage = get_current_period_usage(user.id)
    assert [one.status_code for one in answers] == [201, 201]
    assert usage[Metric.JOBS_CREATED].used == 1
    assert usage[Metric.COMPUTE_MINUTES].used == 7


def test_the_first_answer_is_repeated_with_its_type_and_headers(
    app: Flask, client: Client, user: User
) -> None:
    def view() -> Response:
        response = redirect("/jobs/1", 303)
        assert isinstance(response, Response)
        response.headers["X-Job"] = "1"
        return response

    serve(app, view)
    first = client.post(WORK, headers=keyed(user.id))

    again = client.post(WORK, headers=keyed(user.id))

    names = ("Location", "Content-Type", "X-Job")
    assert [again.headers[name] for name in names] == [first.headers[name] for name in names]
    assert (again.status_code, again.data) == (303, first.data)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: Response(iter(["streamed"])), id="streamed"),
        pytest.param(lambda: Response(b"\xff\xfe", mimetype="image/png"), id="binary"),
        pytest.param(lambda: Response("x" * 2_000_000), id="too large"),
    ],
)
def test_an_answer_that_cannot_be_kept_goes_out_once_and_its_repeat_is_refused(
    app: Flask, client: Client, user: User, answer: Callable[[], Response]
) -> None:
    serve(app, answer)

    first = client.post(WORK, headers=keyed(user.id))
    again = client.post(WORK, headers=keyed(user.id))

    assert first.status_code == 200
    assert (again.status_code, again.json["code"]) == (409, "answer_not_kept")
    assert used(user) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_what_cannot_be_a_key_is_refused_before_anything_counts(
    app: Flask, client: Client, user: User, done: list[str], key: str
) -> None:
    serve(app, working(done))

    answer = client.post(WORK, headers=keyed(user.id, key))

    assert answer.status_code == 422
    assert (done, used(user)) == ([], 0)


def test_another_form_is_another_request_also_where_it_was_read_before(
    app: Flask, client: Client, user: User, done: list[str]
) -> None:
    app.before_request(lambda: None if request.form else None)
    serve(app, working(done), path="/work")
    client.post("/work", data={"name": "first"}, headers=keyed(user.id))

    answer = client.post("/work", data={"name": "second"}, headers=keyed(user.id))

    assert (answer.status_code, len(done)) == (409, 1)
