"""Is a POST with an Idempotency-Key done once, however often it is sent?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from billing.database import moment, transaction
from billing.emulator import Emulator
from billing.models import IdempotencyKey
from billing.web import idempotency_keys
from billing.web.idempotency_keys import Answer, Attempt
from tests.support.factories import a_user, auth
from tests.support.requests import Client

CHECKOUT = "/v1/subscription/checkout"
CANCEL = "/v1/subscription/cancel"
RESUME = "/v1/subscription/resume"
Post = Callable[..., TestResponse]


@pytest.fixture
def post(client: Client, pro_id: UUID) -> Post:
    """Post with a key, as the user who has pro."""

    def send(path: str, body: dict[str, Any], key: str = "k1") -> TestResponse:
        return client.post(path, json=body, headers={**auth(pro_id), "Idempotency-Key": key})

    return send


def test_sent_again_it_gets_the_first_answer_and_nothing_is_done(
    post: Post, account: stripe.StripeClient
) -> None:
    first = post(CANCEL, {})
    post(RESUME, {}, "k2")

    again = post(CANCEL, {})

    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert account.v1.subscriptions.list().data[0].cancel_at is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CANCEL, {"at": "now"}, id="another body"),
        pytest.param(RESUME, {}, id="another path"),
    ],
)
def test_a_key_that_was_used_for_something_else_is_refused(
    post: Post, account: stripe.StripeClient, path: str, body: dict[str, Any]
) -> None:
    post(CANCEL, {})

    response = post(path, body)

    assert (response.status_code, response.json["code"]) == (409, "idempotency_key_reused")
    assert account.v1.subscriptions.list().data[0].cancel_at_period_end is True


def test_a_key_belongs_to_its_user(post: Post, client: Client) -> None:
    post(CANCEL, {})
    other = a_user(email="other@example.com").id

    response = client.post(CANCEL, json={}, headers={**auth(other), "Idempotency-Key": "k1"})

    assert response.json["code"] == "no_subscription"


def test_what_failed_is_not_kept(post: Post, emulator: Emulator) -> None:
    emulator.faults.api_status = [500] * 8
    failed = post(CANCEL, {})
    emulator.faults.api_status = []

    assert failed.status_code == 503
    assert post(CANCEL, {}).status_code == 200


def test_what_the_schema_refused_is_not_kept(post: Post) -> None:
    assert post(CANCEL, {"at": "never"}).status_code == 422

    assert post(CANCEL, {}).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "line\tbreak"])
def test_what_cannot_be_a_key_is_refused(post: Post, key: str) -> None:
    assert post(CANCEL, {}, key).status_code == 422


def test_at_once_one_is_done_and_the_others_get_its_answer(
    app: Flask, pro_id: UUID, account: stripe.StripeClient
) -> None:
    headers = {**auth(pro_id), "Idempotency-Key": "k1"}

    def call(_: int) -> TestResponse:
        return FlaskClient(app, app.response_class).post(CANCEL, json={}, headers=headers)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, range(6)))

    assert {one.status_code for one in answers} <= {200, 409}
    assert {one.json["code"] for one in answers if one.status_code == 409} <= {"in_progress"}
    first_time = [
        one
        for one in answers
        if one.status_code == 200 and "Idempotency-Replayed" not in one.headers
    ]
    assert len(first_time) == 1


def an_attempt(user_id: UUID, asked: str = "asked") -> Attempt:
    return Attempt.of(user_id, "k1", asked)


def test_a_twin_at_work_is_awaited_a_moment_and_then_told(
    user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_keys, "PATIENCE", 0.1)
    idempotency_keys.begin(an_attempt(user_id))

    with pytest.raises(idempotency_keys.InProgress):
        idempotency_keys.begin(an_attempt(user_id))


def test_a_crash_leaves_the_key_to_whoever_comes_again(user_id: UUID) -> None:
    idempotency_keys.begin(an_attempt(user_id))
    with transaction() as session:
        session.execute(sa.update(IdempotencyKey).values(claimed_until=moment(-1)))

    assert idempotency_keys.begin(an_attempt(user_id)) is None


def test_a_crash_leaves_the_key_to_nobody_who_asks_for_something_else(user_id: UUID) -> None:
    crashed = an_attempt(user_id)
    idempotency_keys.begin(crashed)
    with transaction() as session:
        session.execute(sa.update(IdempotencyKey).values(claimed_until=moment(-1)))

    with pytest.raises(idempotency_keys.KeyReused):
        idempotency_keys.begin(an_attempt(user_id, "something else"))

    with transaction() as session:
        row = session.scalars(sa.select(IdempotencyKey)).one()
        assert (row.claim, row.fingerprint) == (crashed.claim, "asked")


def test_the_day_of_who_takes_over_begins_then(user_id: UUID) -> None:
    idempotency_keys.begin(an_attempt(user_id))
    with transaction() as session:
        nearly_over = {"claimed_until": moment(-1), "expires_at": moment(1)}
        session.execute(sa.update(IdempotencyKey).values(nearly_over))

    idempotency_keys.begin(an_attempt(user_id))

    with transaction() as session:
        is_long = IdempotencyKey.expires_at > moment(idempotency_keys.KEPT_SECONDS - 60)
        assert session.scalars(sa.select(is_long)).one()


def test_who_lost_the_claim_can_keep_nothing(user_id: UUID) -> None:
    """It was thought dead and comes back: the answer of the other one stands."""
    slow, quick = an_attempt(user_id), an_attempt(user_id)
    idempotency_keys.begin(slow)
    with transaction() as session:
        session.execute(sa.update(IdempotencyKey).values(claimed_until=moment(-1)))
    idempotency_keys.begin(quick)
    idempotency_keys.keep(quick, Answer(200, "quick"))

    idempotency_keys.keep(slow, Answer(200, "slow"))

    assert idempotency_keys.begin(an_attempt(user_id)) == Answer(200, "quick")


def test_after_a_day_a_key_is_new(user_id: UUID) -> None:
    old = an_attempt(user_id)
    idempotency_keys.begin(old)
    idempotency_keys.keep(old, Answer(200, "old"))
    with transaction() as session:
        session.execute(sa.update(IdempotencyKey).values(expires_at=moment(-1)))

    assert idempotency_keys.begin(an_attempt(user_id, "something else")) is None


def test_without_a_key_nothing_is_kept(client: Client, pro_id: UUID) -> None:
    client.post(CANCEL, json={}, headers=auth(pro_id))

    with transaction() as session:
        assert session.scalars(sa.select(IdempotencyKey)).all() == []
