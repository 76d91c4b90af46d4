"""A subscription at the emulator, of which the service has not heard."""

from typing import Any

import pytest
import stripe
from flask import Flask

from billing.emulator import Emulator
from tests.support.factories import a_plan


@pytest.fixture
def account(emulator: Emulator) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})


@pytest.fixture
def subscription(app: Flask, account: stripe.StripeClient) -> dict[str, Any]:
    """A real subscription at the emulator, which the service has not heard of."""
    a_plan("pro")
    product = account.v1.products.create({"name": "Pro", "metadata": {"plan": "pro"}})
    price = account.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 2900,
            "lookup_key": "pro_month",
            "recurring": {"interval": "month"},
        }
    )
    customer = account.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    made = account.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}]}
    )
    told: dict[str, Any] = made.to_dict(for_json=True)
    return told
