"""A shop that is open: the plans here, their prices at the emulator, and a user."""

from uuid import UUID

import pytest
import stripe
from flask import Flask

from billing.emulator import Emulator
from billing.sales import truth
from billing.sales.checkout import open_checkout
from billing.sales.holdings import customer_of_holder
from billing.stripe_sync.subjects import Part
from tests.support.changes import CHANGE, Post
from tests.support.factories import a_user, auth
from tests.support.live import pay
from tests.support.requests import Client


@pytest.fixture
def account(emulator: Emulator) -> stripe.StripeClient:
    """The company's own client at Stripe."""
    return stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})


@pytest.fixture
def user_id(app: Flask) -> UUID:
    """Somebody without a subscription."""
    return a_user(email="buyer@example.com").id


@pytest.fixture
def pro_id(shop: None, user_id: UUID) -> UUID:
    """Somebody who has bought pro by the month. No event of it ever came: all was fetched."""
    pay(open_checkout(user_id, "pro").url)
    truth.catch_up(customer_of_holder(user_id), *Part)
    return user_id


@pytest.fixture
def change(client: Client, pro_id: UUID) -> Post:
    """Ask for a change as the user who has pro."""
    return lambda **wanted: client.post(CHANGE, json=wanted, headers=auth(pro_id))
