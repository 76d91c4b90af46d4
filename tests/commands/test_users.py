"""Accounts made by hand: what the operator sees, and what is kept."""

import json

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from billing.database import db, reading
from billing.models import Change, User
from tests.support.factories import a_user
from tests.support.requests import Client

PASSWORD = "correct lamp stays lit"


def run(app: Flask, *words: str, typed: str = "") -> Result:
    return FlaskCliRunner(app).invoke(args=["billing", "users", *words], input=typed)


def addresses() -> list[str | None]:
    return list(db.session.scalars(sa.select(User.email)))


def test_a_user_made_by_hand_can_log_in(app: Flask, client: Client) -> None:
    result = run(app, "create", "Customer@example.com", typed=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    login = {"email": "customer@example.com", "password": PASSWORD}
    assert client.post("/v1/auth/login", json=login).status_code == 200


def test_the_password_can_come_from_standard_input(app: Flask, client: Client) -> None:
    result = run(
        app, "create", "customer@example.com", "--password-stdin", "--json", typed=f"{PASSWORD}\n"
    )

    made = json.loads(result.stdout)
    assert made == {"id": str(db.session.scalar(sa.select(User.id)))}


@pytest.mark.parametrize(
    ("email", "password", "told"),
    [
        ("no address", PASSWORD, "Not a valid email address."),
        ("second@example.com", "password123", "well-known passwords"),
        ("second@example.com", "", "Shorter than 10 characters."),
        ("customer@example.com", PASSWORD, "An account with this e-mail address exists."),
    ],
    ids=["address", "weak", "empty", "taken"],
)
def test_what_cannot_be_made_is_told_and_nothing_is_kept(
    app: Flask, email: str, password: str, told: str
) -> None:
    a_user(email="customer@example.com")

    result = run(app, "create", email, "--password-stdin", typed=f"{password}\n")

    assert result.exit_code == 1
    assert told in result.output
    assert addresses() == ["customer@example.com"]


def test_the_newest_users_are_listed_first(app: Flask) -> None:
    first, second = a_user(), a_user()

    listed = json.loads(run(app, "list", "--json").stdout)

    assert [one["id"] for one in listed] == [str(second.id), str(first.id)]
    assert [one["email"] for one in listed] == [second.email, first.email]


def test_the_list_can_be_read_by_eye_and_cut(app: Flask) -> None:
    first, second = a_user(), a_user()

    output = run(app, "list", "--limit", "1").output

    assert str(second.id) in output  # whole, however narrow the terminal
    assert str(second.email) in output
    assert str(first.email) not in output


def test_a_squatted_address_is_freed_for_its_owner(app: Flask, client: Client) -> None:
    squatter = {"email": "owner@example.com", "password": PASSWORD}
    session = client.post("/v1/auth/register", json=squatter).json

    result = run(app, "free-address", "Owner@example.com", "--reason", "the owner wrote to us")

    assert result.exit_code == 0, result.output
    assert client.post("/v1/auth/login", json=squatter).status_code == 401
    refresh = {"refresh_token": session["refresh_token"]}
    assert client.post("/v1/auth/refresh", json=refresh).status_code == 401
    owner = {"email": "owner@example.com", "password": "another lamp stays lit"}
    assert client.post("/v1/auth/register", json=owner).status_code == 201
    with reading() as database:
        change = database.execute(sa.select(Change.field, Change.cause, Change.reason)).one()
    assert tuple(change) == ("email", "operator", "the owner wrote to us")


def test_an_address_that_nobody_has_cannot_be_freed(app: Flask) -> None:
    result = run(app, "free-address", "nobody@example.com", "--reason", "none")

    assert result.exit_code == 1
    assert "There is no user 'nobody@example.com'." in result.output
