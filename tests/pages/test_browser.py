"""What a customer does, in a real browser: register, buy, change, cancel, and change their mind.

With PYTEST_SCREENSHOTS=docs/screenshots it also takes pictures of the pages, and keeps them there.
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from billing.catalog import apply, plans, seed
from billing.database import transaction
from billing.emulator import Emulator
from billing.stripe_sync import sweep
from config import Config
from tests.support import browser, serving
from tests.support.browser import Browser
from tests.support.live import PASSWORD

EMAIL = "ada@example.com"
ALBUM = os.environ.get("PYTEST_SCREENSHOTS")

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    """A port that nobody listens on: the service must know its own address beforehand."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def config(config: Config, port: int) -> Config:
    return replace(config, app_url=f"http://127.0.0.1:{port}", sweep_interval=0.2)


@pytest.fixture
def service(app: Flask, config: Config, port: int, emulator: Emulator) -> Iterator[str]:
    with serving.served(app, port) as url:
        emulator.add_webhook(f"{url}/webhooks/stripe", config.stripe_webhook_secrets[0])
        with transaction():
            seed.seed(plans.load(), config.default_currency)
        apply.apply(plans.load())
        assert emulator.wait_idle()
        sweeper = sweep.start(app)
        yield url
        sweeper.stop()
        sweeper.join()
        emulator.stop()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    chromium = browser.program()
    if chromium is None:
        pytest.skip("no chromium on the PATH")
    with browser.running(chromium, tmp_path / "profile") as tab:
        tab.look_like(1280)
        yield tab


def register(tab: Browser, service: str) -> None:
    tab.open(f"{service}/register")
    tab.type("E-mail address", EMAIL)
    tab.type("Password", PASSWORD)
    tab.click("Create account")
    tab.goes_to("/pricing")


def photograph(tab: Browser, name: str) -> None:
    """Keep a picture, by day and by night, wide and narrow, if an album was named."""
    if ALBUM is None:
        return
    album = Path(ALBUM)
    album.mkdir(parents=True, exist_ok=True)
    for suffix, width, scheme in (
        ("", 1280, "light"),
        ("-dark", 1280, "dark"),
        ("-narrow", 390, "light"),
    ):
        tab.look_like(width, scheme=scheme)
        tab.photograph(album / f"{name}{suffix}.png")
    tab.look_like(1280)


def buy(tab: Browser, plan: str, *, away: Emulator | None = None) -> None:
    """Choose the plan on the pricing page, and pay at the emulator, which may then go away."""
    tab.click(f"Choose {plan}")
    tab.sees("Emulated: no money moves.")
    if away is not None:
        away.faults.change({"hold": True, "api_status": [500] * 1000})
    tab.click("Pay")
    tab.goes_to("/checkout/done")


def test_a_customer_buys_upgrades_downgrades_cancels_and_comes_back(
    tab: Browser, service: str, emulator: Emulator
) -> None:
    tab.open(f"{service}/register")
    photograph(tab, "register")
    register(tab, service)
    photograph(tab, "pricing")
    buy(tab, "Pro", away=emulator)
    tab.sees("Thank you")
    photograph(tab, "done-waiting")
    emulator.faults.api_status = []
    tab.sees("You are on Pro")
    assert tab.run("document.title") == "You are on Pro · Billing"
    photograph(tab, "done")

    tab.click("Go to your account")
    tab.sees("It renews on")
    tab.click("Change plan")
    tab.sees("This is what you have")
    photograph(tab, "pricing-pro")
    tab.click("Change to Enterprise")
    tab.sees("Due today")
    photograph(tab, "change")
    tab.click("Confirm the change")
    tab.sees("You are on Enterprise.")
    photograph(tab, "account")

    tab.click("Change plan")
    tab.click("Change to Pro")
    tab.sees("Nothing is due today.")
    photograph(tab, "change-later")
    tab.click("Confirm the change")
    tab.sees("From then on you are on Pro.")
    photograph(tab, "account-pending")
    tab.click("Keep Enterprise")
    tab.sees("It renews on")

    tab.click("Cancel plan")
    tab.sees("Cancel Enterprise?")
    photograph(tab, "cancel")
    tab.click("Cancel my plan")
    tab.sees("It ends on")
    photograph(tab, "account-cancelled")
    tab.click("Keep Enterprise")
    tab.sees("It renews on")

    tab.click("Card and billing address")
    tab.sees("Your subscription")
    tab.click("Back to the shop")
    tab.goes_to("/account")


def test_without_scripts_a_customer_buys_all_the_same(tab: Browser, service: str) -> None:
    tab.forbid_scripts()
    register(tab, service)
    tab.click("By the year")
    tab.sees("a year")

    buy(tab, "Pro")

    tab.sees("You are on Pro")
