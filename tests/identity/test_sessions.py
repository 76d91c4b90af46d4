"""Staying logged in: a refresh token is good once, and a copy of it ends the session."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from billing import clock
from billing.database import db, transaction
from billing.identity import sessions
from billing.models import RefreshToken, User
from billing.settings import settings
from tests.support.factories import a_user, saved
from tests.support.requests import Client

NEVER = "0123456789abcdef0123456789abcdef.never-issued"


@pytest.fixture
def token(app: Flask) -> str:
    """The first refresh token of a user."""
    user_id = a_user().id
    with transaction():
        return sessions.start(user_id)


def refresh(client: Client, token: Any) -> TestResponse:
    return client.post("/v1/auth/refresh", json={"refresh_token": token})


def refused(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def families() -> list[RefreshToken]:
    return list(db.session.scalars(sa.select(RefreshToken).order_by(RefreshToken.created_at)))


@pytest.mark.parametrize("path", ["register", "login"])
def test_logging_in_gives_a_refresh_token_that_works(client: Client, path: str) -> None:
    body = {"email": "customer@example.com", "password": "correct lamp stays lit"}
    client.post("/v1/auth/register", json=body)
    body["email"] = "second@example.com" if path == "register" else "customer@example.com"

    given = client.post(f"/v1/auth/{path}", json=body).json

    assert given["refresh_expires_in"] == 2_592_000
    again = refresh(client, given["refresh_token"])
    assert again.status_code == 200
    assert again.json.keys() == given.keys()
    bearer = {"Authorization": f"Bearer {again.json['access_token']}"}
    assert client.get("/v1/auth/me", headers=bearer).json["email"] == body["email"]


def test_a_token_is_not_kept_as_it_is(token: str) -> None:
    secret = token.partition(".")[2]

    kept = families()[0]

    assert secret not in kept.token_hash
    assert len(kept.token_hash) == 64


def test_each_refresh_gives_another_token_and_a_new_lifetime(client: Client, token: str) -> None:
    with transaction() as session:
        soon = clock.utc_now() + timedelta(seconds=30)
        session.execute(sa.update(RefreshToken).values(expires_at=soon))

    second = refresh(client, token).json["refresh_token"]
    third = refresh(client, second).json["refresh_token"]

    assert len({token, second, third}) == 3
    assert families()[0].expires_at > clock.utc_now() + timedelta(days=29)


def test_a_token_used_again_ends_the_session_for_both_who_hold_a_copy(
    client: Client, token: str
) -> None:
    newest = refresh(client, token).json["refresh_token"]

    assert refused(refresh(client, token)) == (401, "refresh_token_reused")
    assert refused(refresh(client, newest)) == (401, "refresh_token_invalid")
    assert families()[0].revoked_at is not None


def test_a_copy_ends_one_session_and_no_other(client: Client, token: str) -> None:
    with transaction():
        other = sessions.start(families()[0].user_id)
    refresh(client, token)

    refresh(client, token)

    assert refresh(client, other).status_code == 200


def test_of_refreshes_at_once_one_wins_and_the_copies_end_the_session(
    app: Flask, client: Client, token: str
) -> None:
    def race(number: int) -> TestResponse:
        with app.app_context():
            answer = app.test_client().post("/v1/auth/refresh", json={"refresh_token": token})
            assert isinstance(answer, TestResponse)
            return answer

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(race, range(4)), key=lambda answer: answer.status_code)

    assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
    winner = answers[0].json["refresh_token"]
    assert refused(refresh(client, winner)) == (401, "refresh_token_invalid")


def test_an_expired_token_is_refused(client: Client, token: str) -> None:
    with transaction() as session:
        session.execute(sa.update(RefreshToken).values(expires_at=clock.utc_now()))

    assert refused(refresh(client, token)) == (401, "refresh_token_invalid")


@pytest.mark.parametrize(
    "text",
    ["", "x", ".", NEVER, f"{NEVER.partition('.')[0]}"],
    ids=["empty", "word", "dot", "unknown", "no-secret"],
)
def test_what_was_never_a_token_is_refused(client: Client, text: str) -> None:
    assert refused(refresh(client, text)) == (401, "refresh_token_invalid")


@pytest.mark.parametrize(
    "text", [None, 7, ["x"], "x" * 201], ids=["null", "number", "list", "long"]
)
def test_what_no_token_can_be_does_not_fit_the_schema(client: Client, text: Any) -> None:
    assert refused(refresh(client, text)) == (422, "invalid")


def test_logging_out_ends_the_session(client: Client, token: str) -> None:
    answer = client.post("/v1/auth/logout", json={"refresh_token": token})

    assert (answer.status_code, answer.data) == (204, b"")
    assert refused(refresh(client, token)) == (401, "refresh_token_invalid")


@pytest.mark.parametrize("text", ["x", NEVER], ids=["no-token", "unknown"])
def test_logging_out_of_nothing_is_done_already(client: Client, text: str) -> None:
    answer = client.post("/v1/auth/logout", json={"refresh_token": text})

    assert answer.status_code == 204


def test_a_new_session_sweeps_the_expired_ones_of_its_user_away(app: Flask) -> None:
    first, second = a_user(), a_user()
    past, future = (clock.utc_now() + timedelta(days=days) for days in (-1, 1))
    for user, end in ((first, past), (first, future), (second, past)):
        saved(RefreshToken(user_id=user.id, token_hash=uuid4().hex, expires_at=end))

    with transaction():
        sessions.start(first.id)

    of_first = [family.expires_at for family in families() if family.user_id == first.id]
    assert past not in of_first
    assert future in of_first
    assert second.id in [family.user_id for family in families()]


def test_a_deleted_user_leaves_no_session(client: Client, token: str) -> None:
    with transaction() as session:
        session.execute(sa.delete(User))

    assert families() == []
    assert refused(refresh(client, token)) == (401, "refresh_token_invalid")


def test_a_session_ends_at_its_age_however_often_it_is_refreshed(
    client: Client, token: str
) -> None:
    longest = settings().session_seconds

    def begun(seconds_ago: int) -> None:
        with transaction() as session:
            began_at = clock.utc_now() - timedelta(seconds=seconds_ago)
            session.execute(sa.update(RefreshToken).values(created_at=began_at))

    begun(longest - 60)
    last = refresh(client, token)
    begun(longest + 1)

    assert last.status_code == 200
    assert last.json["refresh_expires_in"] <= 60
    assert refused(refresh(client, last.json["refresh_token"])) == (401, "refresh_token_invalid")
