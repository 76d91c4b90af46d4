"""The example product of a process and an origin of its own: it sells, and sees the plan turn."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import requests

from billing.emulator import Emulator
from config import Config
from examples.shop_app import create_app
from tests.support import serving
from tests.support.browser import Browser
from tests.support.live import PASSWORD, Person

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shop")]


@pytest.fixture
def config(config: Config) -> Config:
    origin = f"http://localhost:{serving.free_port()}"  # another site: no cookie is shared
    return replace(config, allowed_return_origins=(origin,))


@pytest.fixture
def product(config: Config, service: str) -> Iterator[str]:
    """The product, at the origin that the service knows of."""
    (origin,) = config.allowed_return_origins
    with serving.served(create_app(service), urlsplit(origin).port or 0):
        yield origin


def test_the_page_sells_and_sees_the_plan_turn(
    tab: Browser, service: str, product: str, emulator: Emulator
) -> None:
    person = Person(service, email="customer@example.com")
    person.register()
    tab.open(product)
    tab.type("E-mail address", person.email)
    tab.type("Password", PASSWORD)
    tab.click("Sign in")
    tab.sees("You are on free.")

    tab.click("Upgrade to Pro")
    tab.sees("Emulated: no money moves.")
    tab.click("Pay")
    tab.goes_to(product)

    tab.sees("You are on pro.")
    assert "Upgrade" not in tab.words
    assert emulator.wait_idle()


def test_without_its_script_no_password_comes_into_the_address(tab: Browser, product: str) -> None:
    tab.forbid_scripts()
    tab.open(product)
    tab.type("E-mail address", "customer@example.com")
    tab.type("Password", PASSWORD)

    tab.click("Sign in")

    tab.sees("Method Not Allowed")
    assert tab.url == f"{product}/"


def test_what_the_service_refuses_is_passed_on(product: str) -> None:
    wrong = {"email": "customer@example.com", "password": "wrong"}

    refused = requests.post(f"{product}/signin", json=wrong, timeout=10)
    nobody = requests.post(f"{product}/upgrade", timeout=10)

    assert (refused.status_code, refused.json()["code"]) == (401, "bad_credentials")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "token_missing")
