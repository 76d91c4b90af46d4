"""Endpoints and clients pinned to an older version get its shapes."""

from typing import Any

import pytest
import requests

from billing.emulator import Emulator
from tests.emulator.conftest import DAY, SECRET, START, Mailbox, Shop


def read(emulator: Emulator, path: str, version: str) -> Any:
    """Read from the API in a version."""
    headers = {"Authorization": "Bearer sk_test_x", "Stripe-Version": version}
    return requests.get(f"{emulator.url}{path}", headers=headers, timeout=9).json()


@pytest.mark.parametrize(
    ("version", "on_subscription", "with_price"),
    [
        ("2019-12-03", True, False),
        ("2024-06-20", True, True),
        ("2025-03-31.basil", False, True),
        ("2026-10-28.endive", False, True),
    ],
)
def test_the_period_and_the_price_stand_where_the_version_has_them(
    shop: Shop, emulator: Emulator, version: str, on_subscription: bool, with_price: bool
) -> None:
    subscription = shop.subscriber()

    shown = read(emulator, f"/v1/subscriptions/{subscription.id}", version)

    (item,) = shown["items"]["data"]
    assert ("current_period_end" in shown) is on_subscription
    assert ("current_period_end" in item) is not on_subscription
    assert ("price" in item) is with_price


def test_an_old_invoice_names_its_subscription_payment_and_charge(
    shop: Shop, emulator: Emulator
) -> None:
    subscription = shop.subscriber()

    shown = read(emulator, f"/v1/invoices/{subscription.latest_invoice}", "2024-06-20")

    assert (shown["subscription"], shown["paid"]) == (subscription.id, True)
    assert (shown["payment_intent"][:3], shown["charge"][:3]) == ("pi_", "ch_")
    assert "parent" not in shown


def test_an_old_endpoint_gets_old_events_with_old_previous_attributes(
    shop: Shop, emulator: Emulator, mailbox: Mailbox
) -> None:
    emulator.add_webhook(mailbox.url, SECRET, api_version="2024-06-20")
    subscription = shop.subscriber()
    end = subscription["items"].data[0].current_period_end

    shop.at(subscription, START + 31 * DAY)

    (event,) = mailbox.of("customer.subscription.updated")
    assert event["api_version"] == "2024-06-20"
    assert event["data"]["object"]["current_period_start"] == end
    assert event["data"]["previous_attributes"]["current_period_end"] == end
