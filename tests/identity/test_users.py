"""Accounts and passwords: what is kept, how much work is done, and what runs outside of what."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from flask import Flask
from zxcvbn import matching

from billing.database import db, transaction
from billing.identity import passwords, sign_in, users
from billing.models import StripeCustomer, User
from tests.support.factories import a_customer, a_user
from tests.support.requests import Client

PASSWORD = "correct lamp stays lit"
CHEAPER = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)


def hash_of(email: str) -> str | None:
    return db.session.scalar(sa.select(User.password_hash).where(User.email == email))


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down each hash made or compared, and whether a transaction was open meanwhile."""
    done: list[str] = []

    def watched(name: str) -> None:
        real = getattr(PasswordHasher, name)

        def counted(self: PasswordHasher, *arguments: object) -> object:
            done.append(f"{name} in a transaction" if db.session().in_transaction() else name)
            try:
                return real(self, *arguments)
            except Argon2Error as error:
                done[-1] += f": {type(error).__name__}"
                raise

        monkeypatch.setattr(PasswordHasher, name, counted)

    watched("hash")
    watched("verify")
    return done


def test_a_password_is_kept_only_as_an_argon2id_hash(app: Flask) -> None:
    sign_in.register("customer@example.com", PASSWORD)

    kept = hash_of("customer@example.com") or ""
    assert kept.startswith("$argon2id$v=19$")
    assert PASSWORD not in kept


def test_registering_hashes_once_and_outside_of_a_transaction(
    client: Client, work: list[str]
) -> None:
    client.post("/v1/auth/register", json={"email": "customer@example.com", "password": PASSWORD})

    assert work == ["hash"]


@pytest.mark.parametrize(
    "email",
    ["customer@example.com", "second@example.com", "no address", "outside@example.com"],
    ids=["wrong-password", "unknown", "no-address", "no-password-kept"],
)
def test_every_failed_login_takes_the_same_work(
    client: Client, work: list[str], email: str
) -> None:
    with transaction():
        users.create(users.Applicant("customer@example.com", CHEAPER.hash(PASSWORD)))
        users.create(users.Applicant("outside@example.com", None))
    work.clear()

    client.post("/v1/auth/login", json={"email": email, "password": "a wrong lamp entirely"})

    assert work == ["verify: VerifyMismatchError"]  # compared in full; a broken hash is not


def test_the_decoy_costs_what_a_real_hash_costs() -> None:
    real, decoy = passwords.hashed(PASSWORD).split("$"), passwords.DECOY.split("$")

    assert decoy[:4] == real[:4]
    assert [len(part) for part in decoy] == [len(part) for part in real]


def test_a_hash_of_older_parameters_is_renewed_at_login(client: Client, work: list[str]) -> None:
    with transaction():
        users.create(users.Applicant("customer@example.com", CHEAPER.hash(PASSWORD)))
    work.clear()
    login = {"email": "customer@example.com", "password": PASSWORD}

    first = client.post("/v1/auth/login", json=login)

    assert first.status_code == 200
    assert work == ["verify", "hash"]
    assert not passwords.is_outdated(hash_of("customer@example.com") or "")
    assert client.post("/v1/auth/login", json=login).status_code == 200


def test_of_registrations_at_once_one_wins(app: Flask) -> None:
    body = {"email": "customer@example.com", "password": PASSWORD}

    def register(number: int) -> int:
        with app.app_context():
            return app.test_client().post("/v1/auth/register", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(register, range(4)))

    assert statuses == [201, 409, 409, 409]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(User)) == 1


def test_an_address_of_a_stripe_customer_links_nothing(client: Client) -> None:
    a_customer(email="customer@example.com")

    client.post("/v1/auth/register", json={"email": "customer@example.com", "password": PASSWORD})

    linked = db.session.scalars(sa.select(User.stripe_customer_id)).all()
    assert linked == [None]
    assert db.session.scalars(sa.select(StripeCustomer.email)).all() == ["customer@example.com"]


@pytest.mark.parametrize(
    "password",
    ["p\x00p" * 9, "\ud800 half a pair", "ключ от старой лампы", "x" * 256],
    ids=["nul", "half-a-character", "cyrillic", "long"],
)
def test_an_odd_password_is_the_password_that_it_is(app: Flask, password: str) -> None:
    kept = passwords.hashed(password)

    assert passwords.is_right(password, kept)
    assert not passwords.is_right(password + "x", kept)


@pytest.mark.parametrize("password", ["", "x" * 100_000, "aA1!" * 25_000], ids=len)
def test_a_password_of_any_length_is_judged_at_once(password: str) -> None:
    assert passwords.weaknesses(password, "customer@example.com") != []


def test_a_broken_hash_in_the_database_lets_nobody_in(client: Client) -> None:
    a_user(email="customer@example.com", password_hash="not a hash")

    answer = client.post(
        "/v1/auth/login", json={"email": "customer@example.com", "password": "not a hash"}
    )

    assert (answer.status_code, answer.json["code"]) == (401, "bad_credentials")


@pytest.mark.parametrize(
    ("email", "refused"),
    [("harbour@example.com", True), ("blu@example.com", True), ("bl@example.com", False)],
)
def test_only_a_name_that_tells_something_may_not_be_in_the_password(
    email: str, refused: bool
) -> None:
    found = passwords.weaknesses("five quiet blue harbour lamps", email)

    assert any("name" in reason for reason in found) is refused


@pytest.mark.parametrize(
    "password",
    [
        "%6{4+@%<%0[25@|<1(<%7%<$(|95$4!2|94[<!%{!7<6(|+1+$+38@8{[[+<6!2561!!(932",
        "4@8({[<369!1|70$5+%2" * 12,
        "password4@({[<1!|7$5+69" * 3,
        "a" * 256,
    ],
    ids=["every symbol", "every symbol, long", "after a word", "one letter"],
)
def test_scoring_a_crafted_password_is_bounded_work(password: str) -> None:
    scored = passwords.scored_part(password)

    readings = matching.enumerate_l33t_subs(
        matching.relevant_l33t_subtable(scored, matching.L33T_TABLE)
    )
    assert len(scored) <= 48
    assert len(readings) <= 32


@pytest.mark.parametrize(
    ("password", "is_good"),
    [
        ("P@ssw0rd123", False),
        ("@4dM1n1$+r4t0r", False),
        ("9x$K2!vQ@7pL", True),
        ("4@8({[<369!1|70$5+%2", True),
        ("Tr0ub4dor&3", True),
    ],
)
def test_symbols_for_letters_are_still_seen_through(password: str, is_good: bool) -> None:
    assert (passwords.weaknesses(password, "customer@example.com") == []) is is_good
