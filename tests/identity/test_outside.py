"""Tokens of another issuer: whose they are, which are refused, and when its keys are asked for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from werkzeug.test import TestResponse

from billing import clock, create_app
from billing.database import db
from billing.identity import keyring
from billing.models import User
from config import Config
from tests.conftest import configured
from tests.identity.issuers import (
    OutsideIssuer,
    ec_key,
    forged_with_public_key,
    jwk,
    rsa_key,
    served,
    trusted,
)
from tests.support import databases
from tests.support.factories import a_customer, a_user, auth
from tests.support.requests import Client

OTHER_RSA, OTHER_EC = rsa_key(), ec_key()


@pytest.fixture
def issuer() -> OutsideIssuer:
    return OutsideIssuer()


@pytest.fixture
def config(database: str, issuer: OutsideIssuer) -> Iterator[Config]:
    with served(issuer) as jwks_url:
        yield replace(configured(database), outside_issuer=trusted(jwks_url))


def me(client: Client, token: str) -> TestResponse:
    return client.get("/v1/auth/me", headers={"Authorization": f"Bearer {token}"})


def refused(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def users() -> list[User]:
    return list(db.session.scalars(sa.select(User)))


def after(**time: float) -> time_machine.travel:
    return time_machine.travel(clock.utc_now() + timedelta(**time), tick=True)


def test_the_first_token_of_a_subject_makes_its_user(client: Client, issuer: OutsideIssuer) -> None:
    first, second = me(client, issuer.token()), me(client, issuer.token())

    assert first.status_code == 200
    assert first.json == second.json
    [user] = users()
    assert first.json["id"] == str(user.id)
    assert user.external_subject == "auth0|first"


def test_the_issuer_s_word_on_an_address_links_nothing(
    client: Client, issuer: OutsideIssuer
) -> None:
    local = a_user(email="customer@example.com")
    a_customer(email="customer@example.com")

    answer = me(client, issuer.token(email="customer@example.com", email_verified=True))

    assert answer.json["email"] is None
    assert answer.json["id"] != str(local.id)
    assert [user.stripe_customer_id for user in users()] == [None, None]


def test_another_subject_is_another_user(client: Client, issuer: OutsideIssuer) -> None:
    first, second = me(client, issuer.token()), me(client, issuer.token(sub="auth0|second"))

    assert first.json["id"] != second.json["id"]


def test_of_first_requests_at_once_all_are_the_same_user(app: Flask, issuer: OutsideIssuer) -> None:
    token = issuer.token()

    def ask(number: int) -> str:
        with app.app_context():
            headers = {"Authorization": f"Bearer {token}"}
            answer = app.test_client().get("/v1/auth/me", headers=headers)
            return str(answer.json["id"])

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(ask, range(4)))

    assert ids == {str(user.id) for user in users()}
    assert issuer.asked == 1


def test_our_own_tokens_are_taken_beside(client: Client, issuer: OutsideIssuer) -> None:
    user = a_user()

    answer = client.get("/v1/auth/me", headers=auth(user.id))

    assert answer.json["id"] == str(user.id)
    assert issuer.asked == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": "billing"},
        {"iss": None},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": "x" * 256},
        {"nbf": 33_333_333_333},
        {"kid": None},
        {"kid": "never-published"},
        {"key": OTHER_RSA},
        {"key": OTHER_EC, "algorithm": "ES256"},
        {"algorithm": "RS384"},
        {"algorithm": "PS256"},
    ],
    ids=[
        "aud",
        "no-aud",
        "iss",
        "iss-ours",
        "no-iss",
        "no-exp",
        "no-sub",
        "empty-sub",
        "nul-in-sub",
        "long-sub",
        "not-yet",
        "no-kid",
        "unknown-kid",
        "another-key",
        "ES256",
        "RS384",
        "PS256",
    ],
)
def test_a_token_that_is_not_quite_right_is_refused_and_makes_no_user(
    client: Client, issuer: OutsideIssuer, changed: dict[str, Any]
) -> None:
    assert refused(me(client, issuer.token(**changed))) == (401, "token_invalid")
    assert users() == []


def test_an_expired_token_is_told_apart(client: Client, issuer: OutsideIssuer) -> None:
    token = issuer.token(exp=clock.utc_now() - timedelta(seconds=6))

    assert refused(me(client, token)) == (401, "token_expired")
    assert users() == []


def test_the_public_key_is_no_secret_to_sign_with(client: Client, issuer: OutsideIssuer) -> None:
    pem = issuer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = {
        "iss": "billing",
        "aud": ["billing", "billing-api"],
        "sub": str(a_user().id),
        "iat": 0,
        "exp": 2**33,
    }

    answer = me(client, forged_with_public_key(pem, claims))

    assert refused(answer) == (401, "token_invalid")


def test_an_unsigned_token_is_refused(client: Client, issuer: OutsideIssuer) -> None:
    token = issuer.token(algorithm="none")

    assert refused(me(client, token)) == (401, "token_invalid")


def test_keys_are_fetched_once_however_many_unknown_ones_are_named(
    client: Client, issuer: OutsideIssuer
) -> None:
    me(client, issuer.token())

    for number in range(5):
        me(client, issuer.token(kid=f"made-up-{number}"))

    assert issuer.asked == 1


def test_a_new_key_is_found_by_its_first_token(client: Client, issuer: OutsideIssuer) -> None:
    me(client, issuer.token())
    issuer.publish(jwk("first", issuer.key), jwk("second", OTHER_RSA))

    with after(seconds=11):
        answer = me(client, issuer.token(OTHER_RSA, kid="second"))

    assert answer.status_code == 200
    assert issuer.asked == 2


def test_a_withdrawn_key_stops_being_taken(client: Client, issuer: OutsideIssuer) -> None:
    me(client, issuer.token())
    issuer.publish(jwk("second", OTHER_RSA))

    with after(minutes=11):
        answer = me(client, issuer.token())

    assert refused(answer) == (401, "token_invalid")


def test_known_keys_outlive_an_issuer_that_is_away(client: Client, issuer: OutsideIssuer) -> None:
    me(client, issuer.token())
    issuer.status, issuer.body = 503, b"away"

    with after(minutes=11):
        answer = me(client, issuer.token())

    assert answer.status_code == 200
    assert issuer.asked == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b"away"),
        (302, b""),
        (200, b"not json"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"keys": {"kid": "first"}}'),
        (200, b'{"keys": ["first", null, {}]}'),
        (200, b'{"keys": [{"kid": "first", "kty": "oct", "k": "c2VjcmV0"}]}'),
        (200, b'{"keys": [{"kid": "first", "kty": "RSA", "n": "!", "e": "AQAB"}]}'),
        (200, b"[" * 200_000),
        (200, b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        (200, b"\xff\xfe\xff"),
    ],
    ids=[
        "503",
        "redirect",
        "text",
        "list",
        "empty",
        "no-list",
        "junk",
        "symmetric",
        "broken",
        "deep",
        "deep-and-whole",
        "no-text",
    ],
)
def test_an_issuer_without_usable_keys_answers_503_until_it_has_some(
    client: Client, issuer: OutsideIssuer, status: int, body: bytes
) -> None:
    good = issuer.body
    issuer.status, issuer.body = status, body

    answer = me(client, issuer.token())

    assert refused(answer) == (503, "issuer_unavailable")
    assert answer.headers["Retry-After"] == "10"
    assert client.get("/healthz", headers={"Authorization": "Bearer x"}).status_code == 200
    issuer.status, issuer.body = 200, good
    with after(seconds=11):
        assert me(client, issuer.token()).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [{"use": "enc"}, {"alg": "RS512"}, {"kid": 7}, {"d": "AQAB"}],
    ids=["for-encryption", "another-algorithm", "no-id", "private"],
)
def test_a_key_for_something_else_is_not_used(
    client: Client, issuer: OutsideIssuer, changed: dict[str, Any]
) -> None:
    issuer.publish(jwk("first", issuer.key, **changed), jwk("second", OTHER_RSA))

    assert refused(me(client, issuer.token())) == (401, "token_invalid")


def test_an_issuer_may_sign_with_es256_instead(app: Flask, config: Config) -> None:
    issuer = OutsideIssuer()
    issuer.publish(jwk("first", OTHER_EC), jwk("second", issuer.key))
    with served(issuer) as jwks_url:
        other = create_app(replace(config, outside_issuer=trusted(jwks_url, "ES256")))
        other.test_client_class = Client
        with other.app_context():
            client = other.test_client()
            taken = me(client, issuer.token(OTHER_EC, "ES256"))
            not_taken = me(client, issuer.token(kid="second"))
        databases.close(other)

    assert taken.status_code == 200
    assert refused(not_taken) == (401, "token_invalid")


def test_a_known_user_costs_one_statement(client: Client, issuer: OutsideIssuer) -> None:
    me(client, issuer.token())
    statements: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))

    client.get("/healthz", headers={"Authorization": f"Bearer {issuer.token()}"})

    assert len([one for one in statements if one != "BEGIN"]) == 1


def test_keys_behind_more_bytes_than_any_issuer_sends_are_not_taken(
    client: Client, issuer: OutsideIssuer
) -> None:
    issuer.body += b" " * keyring.LARGEST

    assert refused(me(client, issuer.token())) == (503, "issuer_unavailable")


def test_an_issuer_whose_answer_drips_holds_nobody_up(
    issuer: OutsideIssuer,
) -> None:
    issuer.drips = True

    with served(issuer) as jwks_url, pytest.raises(keyring.IssuerUnavailable):
        keyring.Keyring(jwks_url, "RS256", whole_seconds=0.3).find("first")

    assert 0 < issuer.dripped < len(issuer.body) // 2
