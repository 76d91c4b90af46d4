"""Sessions in the browser: begun and ended by a form, carried by a cookie of ours alone."""

from dataclasses import replace

import pytest
from flask import Flask

from billing import create_app
from billing.database import db
from billing.models import RefreshToken
from config import Config
from tests.pages.conftest import Surfer, text_of
from tests.support.factories import a_plan
from tests.support.live import PASSWORD
from tests.support.requests import Client

EMAIL = "someone@example.com"


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan("free")


def test_who_registers_is_signed_in(surfer: Surfer) -> None:
    answer = surfer.register()

    assert (answer.status_code, answer.location) == (303, "/pricing")
    assert f"Signed in as {EMAIL}" in text_of(surfer.look("/account"))


def test_who_signs_in_goes_on_to_the_page_that_was_asked_for(surfer: Surfer) -> None:
    surfer.register()
    surfer.look("/pricing")
    surfer.press("/signout")

    asked = surfer.look("/account")
    surfer.look(asked.location)
    answer = surfer.press("/signin", email=EMAIL, password=PASSWORD)

    assert asked.location == "/signin?next=/account"
    assert (answer.status_code, answer.location) == (303, "/account")


def test_a_wrong_password_is_told_and_signs_nobody_in(surfer: Surfer) -> None:
    surfer.register()
    surfer.press_sign_out()

    surfer.look("/signin")
    answer = surfer.press("/signin", email=EMAIL, password="not the pass phrase")

    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in text_of(answer)
    assert f'value="{EMAIL}"' in answer.text
    assert "not the pass phrase" not in answer.text
    assert surfer.look("/account").status_code == 303


def test_a_weak_password_is_refused_beside_its_field(surfer: Surfer) -> None:
    surfer.look("/register")

    answer = surfer.press("/register", email=EMAIL, password="password12")

    assert answer.status_code == 422
    assert 'id="password-fault"' in answer.text
    assert "well-known passwords" in text_of(answer)


def test_an_address_that_is_taken_is_told(surfer: Surfer) -> None:
    surfer.register()
    surfer.press_sign_out()

    answer = surfer.register()

    assert answer.status_code == 409
    assert "An account with this e-mail address exists." in text_of(answer)


def test_after_signing_out_the_old_cookie_opens_nothing(surfer: Surfer, app: Flask) -> None:
    surfer.register()
    cookie = surfer.client.get_cookie("billing_session")
    assert cookie is not None

    surfer.press_sign_out()
    surfer.client.set_cookie("billing_session", cookie.value)

    assert surfer.look("/account").status_code == 303


def test_signing_in_again_ends_the_session_before(surfer: Surfer) -> None:
    surfer.register()
    before = surfer.client.get_cookie("billing_session")
    surfer.client.delete_cookie("billing_session")
    surfer.look("/signin")
    surfer.press("/signin", email=EMAIL, password=PASSWORD)
    after = surfer.client.get_cookie("billing_session")

    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites(surfer: Surfer) -> None:
    cookies = surfer.register().headers.getlist("Set-Cookie")
    session = next(one for one in cookies if one.startswith("billing_session="))

    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert "Path=/" in session
    assert "Domain" not in session
    assert "Secure" not in session


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(config: Config) -> None:
    app = create_app(replace(config, app_url="https://billing.example"))
    with app.app_context():
        a_plan("free")
        answer = app.test_client().get("/register", base_url="https://billing.example")
        db.session.remove()
        db.engine.dispose()

    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-billing_form=")
    assert "Secure" in cookie


def test_the_api_never_takes_the_cookie(surfer: Surfer) -> None:
    surfer.register()

    answer = surfer.client.get("/v1/subscription/me")

    assert (answer.status_code, answer.json["code"]) == (401, "token_missing")


def test_the_cookie_is_no_refresh_token_and_showing_it_as_one_ends_the_session(
    surfer: Surfer,
) -> None:
    surfer.register()
    cookie = surfer.client.get_cookie("billing_session")
    assert cookie is not None

    answer = surfer.client.post("/v1/auth/refresh", json={"refresh_token": cookie.value})

    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_reused")
    assert surfer.look("/account").status_code == 303


def test_a_refresh_token_is_no_cookie(surfer: Surfer) -> None:
    credentials = {"email": EMAIL, "password": PASSWORD}
    made = surfer.client.post("/v1/auth/register", json=credentials).json

    surfer.client.set_cookie("billing_session", made["refresh_token"])

    assert surfer.look("/account").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "a.b", f"{'0' * 32}.never-issued", "ü" * 9])
def test_what_is_no_session_is_nobodys(surfer: Surfer, cookie: str) -> None:
    surfer.client.set_cookie("billing_session", cookie)

    assert surfer.look("/account").status_code == 303


def test_the_secret_of_the_cookie_is_not_in_the_database(surfer: Surfer) -> None:
    surfer.register()
    cookie = surfer.client.get_cookie("billing_session")
    assert cookie is not None

    kept = db.session.scalars(db.select(RefreshToken.token_hash)).one()

    assert cookie.value.partition(".")[2] not in kept
    assert len(kept) == 64


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example/account",
        "/\\evil.example",
        "/account/../../evil",
        "javascript:alert(1)",
        "/account\r\nSet-Cookie: a=b",
        "/account?next=//evil.example",
        "/pricing\n",
        "/accountant",
        "",
    ],
)
def test_nobody_is_sent_on_to_a_page_that_is_not_ours(surfer: Surfer, onward: str) -> None:
    surfer.look("/register")
    surfer.page = surfer.client.get("/register", query_string={"next": onward})
    answer = surfer.press("/register", email=EMAIL, password=PASSWORD)

    assert (answer.status_code, answer.location) == (303, "/pricing")


def test_guessing_passwords_is_slowed_down(surfer: Surfer) -> None:
    surfer.look("/signin")
    page = surfer.page

    statuses = []
    for number in range(11):
        surfer.page = page
        answer = surfer.press("/signin", email=EMAIL, password=f"guess {number}")
        statuses.append(answer.status_code)

    assert statuses == [401] * 10 + [429]
    assert "Too many requests" in text_of(answer)
    assert int(answer.headers["Retry-After"]) > 0


def test_a_guess_on_the_page_and_one_at_the_api_are_counted_together(client: Client) -> None:
    surfer = Surfer(client)
    for _ in range(10):
        client.post("/v1/auth/login", json={"email": EMAIL, "password": "guess"})

    surfer.look("/signin")

    assert surfer.press("/signin", email=EMAIL, password="guess").status_code == 429
