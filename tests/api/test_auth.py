"""Registering and logging in, as a caller sees it."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from billing.database import db
from billing.models import User
from tests.support.factories import auth
from tests.support.requests import Client

GOOD = {"email": "customer@example.com", "password": "correct lamp stays lit"}


def addresses() -> list[str | None]:
    return list(db.session.scalars(sa.select(User.email).order_by(User.email)))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_registering_answers_with_a_token_that_names_the_new_account(client: Client) -> None:
    answer = client.post("/v1/auth/register", json=GOOD)

    assert answer.status_code == 201
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 900
    me = client.get("/v1/auth/me", headers=bearer(answer.json["access_token"]))
    assert me.json.keys() == {"id", "email", "created_at"}
    assert me.json["email"] == "customer@example.com"


def test_logging_in_answers_with_a_token_of_the_same_account(client: Client) -> None:
    client.post("/v1/auth/register", json=GOOD)

    answer = client.post("/v1/auth/login", json=GOOD)

    assert answer.status_code == 200
    me = client.get("/v1/auth/me", headers=bearer(answer.json["access_token"]))
    assert me.json["email"] == "customer@example.com"


def test_an_address_is_kept_trimmed_and_in_lower_case(client: Client) -> None:
    client.post("/v1/auth/register", json={**GOOD, "email": "  Customer@Example.COM "})

    assert addresses() == ["customer@example.com"]


@pytest.mark.parametrize(
    "email", ["customer@example.com", " CUSTOMER@example.com"], ids=["same", "variant"]
)
def test_a_taken_address_answers_409_and_keeps_the_first_account(
    client: Client, email: str
) -> None:
    client.post("/v1/auth/register", json=GOOD)

    answer = client.post("/v1/auth/register", json={"email": email, "password": "another lamp 88"})

    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")
    assert client.post("/v1/auth/login", json=GOOD).status_code == 200


@pytest.mark.parametrize(
    "email",
    [
        "",
        "customer",
        "customer@",
        "@example.com",
        "customer@example",
        "customer @example.com",
        "customer@example.com\nbcc: second@example.com",
        f"{'a' * 250}@example.com",
    ],
    ids=[
        "empty",
        "no-at",
        "no-domain",
        "no-name",
        "no-dot",
        "space",
        "line-break",
        "too-long",
    ],
)
def test_a_broken_address_answers_422_and_keeps_nothing(client: Client, email: str) -> None:
    answer = client.post("/v1/auth/register", json={**GOOD, "email": email})

    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert list(answer.json["errors"]) == ["email"]
    assert addresses() == []


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("kX9#vLq2", "Shorter than 10 characters."),
        ("password123", "Made of well-known passwords, words or patterns."),
        ("aaaaaaaaaaaaaaaaaaaa", "Made of well-known passwords, words or patterns."),
        ("Customer-9142-vexing-quilt", "Contains the name in the e-mail address."),
    ],
    ids=["short", "well-known", "pattern", "own-name"],
)
def test_a_weak_password_answers_422_with_the_reason_and_keeps_nothing(
    client: Client, password: str, reason: str
) -> None:
    answer = client.post("/v1/auth/register", json={**GOOD, "password": password})

    assert (answer.status_code, answer.json["code"]) == (422, "weak_password")
    assert reason in answer.json["reasons"]
    assert addresses() == []


@pytest.mark.parametrize(
    "body",
    [
        {**GOOD, "email": "second@example.com"},
        {**GOOD, "password": "a wrong lamp entirely"},
        {**GOOD, "email": "not an address"},
    ],
    ids=["unknown", "wrong-password", "no-address"],
)
def test_every_failed_login_answers_the_same_401(client: Client, body: dict[str, str]) -> None:
    client.post("/v1/auth/register", json=GOOD)

    answer = client.post("/v1/auth/login", json=body)

    assert answer.status_code == 401
    assert answer.json == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "code": "bad_credentials",
        "detail": "The e-mail address or the password is wrong.",
    }


def test_the_token_of_a_deleted_account_answers_401(client: Client) -> None:
    answer = client.get("/v1/auth/me", headers=auth(uuid4()))

    assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")
