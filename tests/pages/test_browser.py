"""What a customer does, in a real browser: register, buy, change, cancel, and change their mind.

With PYTEST_SCREENSHOTS=docs/screenshots it also takes pictures of the pages, and keeps them there.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import clock
from billing.database import db, transaction
from billing.emulator import Emulator
from billing.entitlements import increment_usage, set_storage
from billing.entitlements.windows import day_of
from billing.models import Metric, SubscriptionPlan, User, UserUsageDay
from config import Config
from tests.support import serving
from tests.support.browser import Browser
from tests.support.factories import saved
from tests.support.live import PASSWORD

EMAIL = "customer@example.com"
USED = {Metric.API_CALLS: 31_200, Metric.JOBS_CREATED: 962, Metric.COMPUTE_MINUTES: 1_480}
DAYS = 80
LOOKS = [("", 1280, "light"), ("-dark", 1280, "dark"), ("-narrow", 390, "light")]
BARS = "[...document.querySelectorAll('.plot rect')]"
TALLEST = f"Math.max(...{BARS}.map(one => one.getBoundingClientRect().height))"
ALBUM = os.environ.get("PYTEST_SCREENSHOTS")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("shop", "service"),
    # A browser that leaves a page resets what it was loading; the test's own server then leaves the
    # file to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:Warning"),
]


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, app_url=f"http://127.0.0.1:{serving.free_port()}")


@pytest.fixture
def service(app: Flask, config: Config, emulator: Emulator) -> Iterator[str]:
    """The service at the address that it names to Stripe."""
    with serving.served(app, urlsplit(config.app_url).port or 0) as url:
        emulator.add_webhook(f"{url}/webhooks/stripe", config.stripe_webhook_secrets[0])
        yield url
        emulator.stop()


def register(tab: Browser, service: str) -> None:
    tab.open(f"{service}/register")
    tab.type("E-mail address", EMAIL)
    tab.type("Password", PASSWORD)
    tab.click("Create account")
    tab.goes_to("/pricing")


def use_some(email: str) -> None:
    """Let the customer have worked a little."""
    user_id = db.session.scalars(db.select(User.id).where(User.email == email)).one()
    for metric, amount in USED.items():
        increment_usage(user_id, metric, amount)
    set_storage(user_id, 4_200)
    db.session.rollback()
    for ago in range(1, DAYS):
        day = day_of(clock.utc_now()) - timedelta(days=ago)
        calls = (34_000 - 290 * ago + 2_600 * (ago % 4)) // (3 if day.weekday() > 4 else 1)
        saved(UserUsageDay(user_id=user_id, day=day, api_calls=calls))


def count_by_seat(plan: str) -> None:
    """Let each seat of the plan give as much again."""
    rules = {metric.value: {"per_seat": True} for metric in Metric}
    with transaction() as session:
        session.execute(
            sa.update(SubscriptionPlan)
            .where(SubscriptionPlan.name == plan)
            .values(quota_rules=rules)
        )


def photograph(tab: Browser, name: str, *, everywhere: bool = False) -> None:
    """Keep a picture, if an album was named; everywhere: also by night and on a narrow screen."""
    if ALBUM is None:
        return
    album = Path(ALBUM)
    album.mkdir(parents=True, exist_ok=True)
    for suffix, width, scheme in LOOKS if everywhere else LOOKS[:1]:
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

    emulator.release()
    assert emulator.wait_idle()
    use_some(EMAIL)
    tab.click("Go to your account")
    tab.sees("It renews on")
    assert tab.run(f"{BARS}.length") == DAYS
    assert tab.run(TALLEST) > 50
    photograph(tab, "account", everywhere=True)
    tab.click("As a table")
    tab.sees("Day (UTC) API calls")
    tab.click("Change plan")
    tab.sees("This is what you have")
    photograph(tab, "pricing-pro", everywhere=True)
    tab.click("Change to Enterprise")
    tab.sees("Due today")
    photograph(tab, "change")
    tab.click("Confirm the change")
    tab.sees("You are on Enterprise.")

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

    count_by_seat("enterprise")
    tab.open(f"{service}/account")
    photograph(tab, "account-seats")
    tab.type("Seats", "3")
    tab.click("Change seats")
    tab.sees("Change to Enterprise with 3 seats")
    photograph(tab, "change-seats")
    tab.click("Confirm the change")
    tab.sees("by the month, 3 seats")

    tab.click("Payment details")
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
