"""Forms from elsewhere are refused, whoever is signed in, and nothing is done."""

import pytest
from flask import Flask

from billing.database import db
from billing.models import User
from tests.pages.conftest import Surfer, text_of
from tests.support.factories import a_plan
from tests.support.live import PASSWORD
from tests.support.requests import Client

CREDENTIALS = {"email": "someone@example.com", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan("free")


def posts(app: Flask) -> list[str]:
    """Every page that takes a form."""
    return [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("pages.") and "POST" in (rule.methods or ())
    ]


def test_every_page_refuses_a_form_without_its_token(app: Flask, surfer: Surfer) -> None:
    surfer.register()

    answers = {path: surfer.client.post(path, data={"plan": "pro"}) for path in posts(app)}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(
        answers, 403
    )
    assert "/checkout" in answers
    assert surfer.look("/account").status_code == 200


@pytest.mark.parametrize("token", ["", "0" * 64, "ü" * 64])
def test_a_made_up_token_makes_no_account(client: Client, token: str) -> None:
    client.get("/register")

    answer = client.post("/register", data={**CREDENTIALS, "form_token": token})

    assert answer.status_code == 403
    assert "This form is out of date" in text_of(answer)
    assert db.session.scalars(db.select(User)).all() == []


def test_the_token_of_another_browser_is_refused(app: Flask, client: Client) -> None:
    stranger = Surfer(app.test_client())
    stranger.look("/register")
    Surfer(client).look("/register")
    token = stranger.token

    answer = client.post("/register", data={**CREDENTIALS, "form_token": token})

    assert answer.status_code == 403


def test_a_token_from_before_signing_in_is_refused_after(surfer: Surfer) -> None:
    surfer.look("/register")
    token = surfer.token
    surfer.register()

    answer = surfer.client.post("/signout", data={"form_token": token})

    assert answer.status_code == 403
    assert surfer.look("/account").status_code == 200


def test_two_open_pages_can_both_be_sent(surfer: Surfer) -> None:
    surfer.look("/signin")
    first = surfer.page
    surfer.look("/register")

    surfer.page = first
    answer = surfer.press("/signin", **CREDENTIALS)

    assert answer.status_code == 401


def test_a_form_of_great_size_is_refused(surfer: Surfer) -> None:
    surfer.look("/signin")

    answer = surfer.press("/signin", email="a" * 70_000, password="x")

    assert answer.status_code == 413
