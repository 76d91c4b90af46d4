"""Does a whole life of a customer come out right, over real HTTP, with time travel?"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from billing import clock
from billing.emulator import Emulator
from billing.stripe_sync import sweep
from config import Config
from tests.support.live import Person, Shopkeeper

DAY = 86_400


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, sweep_interval=0.2)


@pytest.fixture
def swept(app: Flask, shop: None) -> Iterator[None]:
    """An open shop with the sweep that runs in every deployment."""
    sweeper = sweep.start(app)
    yield
    sweeper.stop()
    sweeper.join()


@pytest.mark.usefixtures("swept")
def test_from_free_to_pro_through_failure_and_end_and_back(
    service: str, emulator: Emulator
) -> None:
    person = Person(service)
    user_id = person.register()
    shopkeeper = Shopkeeper(emulator, clock.to_unix(clock.utc_now()))
    customer = shopkeeper.customer_on_clock(user_id, person.email)
    assert person.me()["plan"] == "free"

    # A card that pays today and fails at the renewal.
    assert person.buy("pro", card="4000000000000341").status_code == 303
    assert emulator.wait_idle()
    bought = person.sees(status="active", confirmed=True)
    assert bought["plan"] == "pro"

    renewal = shopkeeper.subscription_of(customer)["items"].data[0].current_period_end
    shopkeeper.travel_to(renewal + 2 * 3600)
    owing = person.sees(status="past_due")
    assert (owing["plan"], owing["reason"]) == ("pro", "grace")

    # The customer changes the card, and Stripe collects.
    card = shopkeeper.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    subscription = shopkeeper.subscription_of(customer)
    shopkeeper.stripe.v1.subscriptions.update(subscription.id, {"default_payment_method": card.id})
    invoice = shopkeeper.stripe.v1.invoices.list({"customer": customer, "status": "open"}).data[0]
    shopkeeper.stripe.v1.invoices.pay(invoice.id)
    assert emulator.wait_idle()
    assert person.sees(status="active")["plan"] == "pro"

    # Cancelled at the period's end: pro until then, free after.
    subscription = shopkeeper.subscription_of(customer)
    end = subscription["items"].data[0].current_period_end
    shopkeeper.stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert emulator.wait_idle()
    leaving = person.sees(until=clock.from_unix(end).isoformat())
    assert leaving["plan"] == "pro"
    assert leaving["status"] == "active"
    shopkeeper.travel_to(end + 3600)
    assert person.sees(status="canceled")["plan"] == "free"

    # And back.
    assert person.buy("pro").status_code == 303
    assert emulator.wait_idle()
    assert person.sees(status="active")["plan"] == "pro"


@pytest.mark.usefixtures("swept")
def test_grace_runs_out_on_the_customers_own_clock(service: str, emulator: Emulator) -> None:
    person = Person(service)
    user_id = person.register()
    shopkeeper = Shopkeeper(emulator, clock.to_unix(clock.utc_now()))
    customer = shopkeeper.customer_on_clock(user_id, person.email)
    emulator.dunning_end = "past_due"
    person.buy("pro", card="4000000000000341")
    assert emulator.wait_idle()
    renewal = shopkeeper.subscription_of(customer)["items"].data[0].current_period_end

    shopkeeper.travel_to(renewal + 6 * DAY)
    assert person.sees(status="past_due", reason="grace")["plan"] == "pro"

    shopkeeper.travel_to(renewal + 8 * DAY)
    assert person.sees(status="past_due", reason="grace_over")["plan"] == "free"


@pytest.mark.usefixtures("swept")
def test_a_declined_card_sells_nothing_and_the_same_checkout_can_still_be_paid(
    service: str, emulator: Emulator
) -> None:
    person = Person(service)
    person.register()

    declined = person.buy("pro", card="4000000000000002")
    assert declined.status_code == 402
    assert person.me()["plan"] == "free"

    assert person.buy("pro").status_code == 303
    assert emulator.wait_idle()
    assert person.sees(confirmed=True)["plan"] == "pro"
    opened = [request for request in emulator.requests if request[1] == "/v1/checkout/sessions"]
    assert len(opened) == 1
