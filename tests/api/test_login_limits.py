"""Limits of logging in: strangers are slowed down, and the owner is not locked out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from billing.identity import service_keys
from billing.identity.service_keys import Scope
from config import Config
from tests.conftest import configured
from tests.pages.conftest import Surfer
from tests.support.factories import a_plan
from tests.support.live import PASSWORD
from tests.support.requests import Client

LOGIN = "/v1/auth/login"
OWNER = "owner@example.com"
HOME = "203.0.113.9"


@pytest.fixture
def config(database: str) -> Config:
    return replace(configured(database), auth_limit="4/minute", rate_limit="50/minute")


@pytest.fixture(autouse=True)
def _one_minute() -> Iterator[None]:
    with time_machine.travel(datetime(2031, 3, 10, 12, tzinfo=UTC), tick=False):
        yield


def logged_in(
    client: Client, address: str, password: str = "quite wrong", email: str = OWNER, **headers: str
) -> int:
    body = {"email": email, "password": password}
    sent = {"json": body, "headers": headers, "environ_base": {"REMOTE_ADDR": address}}
    return client.post(LOGIN, **sent).status_code


def registered(client: Client) -> None:
    body = {"email": OWNER, "password": PASSWORD}
    sent = {"json": body, "environ_base": {"REMOTE_ADDR": "192.0.2.1"}}
    assert client.post("/v1/auth/register", **sent).status_code == 201


def guessed_from_everywhere(client: Client) -> list[int]:
    """Guess four times from each of ten addresses, and once from an eleventh."""
    hosts = [f"198.51.100.{number // 4}" for number in range(40)]
    return [logged_in(client, host) for host in [*hosts, "198.51.100.99"]]


def test_a_service_key_lifts_no_login_limit(client: Client) -> None:
    _, key = service_keys.create("backend", list(Scope))

    seen = [logged_in(client, HOME, Authorization=f"Bearer {key}") for _ in range(5)]

    assert seen == [401, 401, 401, 401, 429]


def test_ten_wrong_guesses_of_a_stranger_do_not_lock_the_owner_out(client: Client) -> None:
    registered(client)
    client.delete_cookie("billing_device")
    stranger = [logged_in(client, "198.51.100.1") for _ in range(10)]

    assert stranger == [401] * 4 + [429] * 6
    assert logged_in(client, HOME, PASSWORD) == 200


def test_guesses_from_many_addresses_share_the_wide_budget_of_the_account(client: Client) -> None:
    seen = guessed_from_everywhere(client)

    assert seen == [401] * 40 + [429]
    assert logged_in(client, HOME, email="other@example.com") == 401


def test_a_device_that_signed_in_before_escapes_the_wide_budget(client: Client) -> None:
    registered(client)
    device = client.get_cookie("billing_device")
    assert device is not None
    client.delete_cookie("billing_device")
    assert guessed_from_everywhere(client)[-1] == 429

    assert logged_in(client, HOME, PASSWORD) == 429
    client.set_cookie("billing_device", device.value)
    assert logged_in(client, HOME, PASSWORD) == 200


def test_a_browser_that_signed_in_before_escapes_it_too(client: Client) -> None:
    a_plan("free")
    surfer = Surfer(client)
    surfer.register(OWNER)
    device = client.get_cookie("billing_device")
    assert device is not None
    surfer.press_sign_out()
    client.delete_cookie("billing_device")
    guessed_from_everywhere(client)
    client.set_cookie("billing_device", device.value)

    surfer.look("/signin")

    assert surfer.press("/signin", email=OWNER, password=PASSWORD).status_code == 303


def test_a_known_device_may_not_guess_without_end(client: Client) -> None:
    registered(client)

    seen = [logged_in(client, f"192.0.2.{number}") for number in range(5)]

    assert seen == [401, 401, 401, 401, 429]


@pytest.mark.parametrize("forged", ["x", "", "WyJhIiwgImIiXQ.x.y"])
def test_the_cookie_of_another_account_or_a_forged_one_escapes_nothing(
    client: Client, forged: str
) -> None:
    registered(client)
    own = [logged_in(client, HOME, email="other@example.com") for _ in range(5)]
    client.set_cookie("billing_device", forged)
    made_up = [logged_in(client, "203.0.113.10") for _ in range(5)]

    assert own == made_up == [401, 401, 401, 401, 429]


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["203.0.113.7", "::ffff:203.0.113.7"] * 3, id="IPv4 over a dual socket"),
        pytest.param([f"203.0.113.7:{port}" for port in range(5000, 5006)], id="ports"),
        pytest.param([f"[2001:db8::{end}]:443" for end in range(1, 7)], id="IPv6 with a port"),
        pytest.param([f"2001:db8::{end}" for end in range(1, 7)], id="one IPv6 network"),
    ],
)
def test_one_caller_has_one_budget_however_the_address_is_written(
    client: Client, addresses: list[str]
) -> None:
    seen = [
        logged_in(client, address, email=f"user{number}@example.com")
        for number, address in enumerate(addresses)
    ]

    assert seen == [401, 401, 401, 401, 429, 429]


def test_callers_over_a_dual_socket_have_a_budget_each(client: Client) -> None:
    seen = [
        logged_in(client, f"::ffff:203.0.113.{number}", email=f"user{number}@example.com")
        for number in range(6)
    ]

    assert seen == [401] * 6


def test_the_headers_show_the_tighter_of_two_budgets(client: Client) -> None:
    """The address has 4 and the account 40; then the account has 1 left and the address 3."""
    body = {"email": OWNER, "password": "quite wrong"}

    first = client.post(LOGIN, json=body, environ_base={"REMOTE_ADDR": HOME})
    for number in range(38):
        logged_in(client, f"198.51.100.{number}")
    later = client.post(LOGIN, json=body, environ_base={"REMOTE_ADDR": "203.0.113.10"})

    told = [
        (a.headers["RateLimit-Limit"], a.headers["RateLimit-Remaining"]) for a in (first, later)
    ]
    assert told == [("4", "3"), ("40", "0")]
