"""A running emulator, the SDK's own client for it, and an endpoint that keeps what it is sent."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import stripe

from billing.emulator import Emulator

SECRET = "whsec_for_the_emulators_tests"
START = 1_800_000_000
DAY = 86_400
NOT_IN_THE_SCHEMA = {"radar.early_fraud_warning"}  # a trimmed schema: payments only


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty account, served."""
    running = Emulator()
    running.serve()
    yield running
    running.stop()


@pytest.fixture
def client(emulator: Emulator) -> stripe.StripeClient:
    """The SDK, which retries nothing by itself."""
    return client_of(emulator)


def client_of(emulator: Emulator) -> stripe.StripeClient:
    """Make a client of an emulator."""
    return stripe.StripeClient(
        "sk_test_emulator", base_addresses={"api": emulator.url}, max_network_retries=0
    )


@dataclass
class Mailbox:
    """An endpoint: keeps events whose signature holds, and answers with the next status."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    attempts: int = 0

    def types(self) -> list[str]:
        """Name what came, in the order of arrival."""
        return [event["type"] for event in self.events]

    def of(self, type: str) -> list[dict[str, Any]]:
        """Give the events of one type."""
        return [event for event in self.events if event["type"] == type]


@pytest.fixture
def mailbox(emulator: Emulator) -> Iterator[Mailbox]:
    """An endpoint that is registered for every event."""
    kept = Mailbox()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stripe.WebhookSignature.verify_header(
                body, self.headers["Stripe-Signature"], SECRET, tolerance=300
            )
            kept.attempts += 1
            status = kept.statuses.pop(0) if kept.statuses else 200
            if status == 200:
                kept.events.append(json.loads(body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        kept.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
        emulator.add_webhook(kept.url, SECRET)
        yield kept
        server.shutdown()
        thread.join()


@dataclass
class Shop:
    """A product with two prices, and ways to get to a subscriber."""

    client: stripe.StripeClient
    emulator: Emulator
    monthly: stripe.Price
    yearly: stripe.Price

    def clock(self, at: int = START) -> stripe.test_helpers.TestClock:
        """Create a test clock."""
        return self.client.v1.test_helpers.test_clocks.create({"frozen_time": at})

    def customer(self, card: str | None = "pm_card_visa", **params: Any) -> stripe.Customer:
        """Create a customer with a default card, or without one."""
        if card:
            params |= {
                "payment_method": card,
                "invoice_settings": {"default_payment_method": card},
            }
        return self.client.v1.customers.create(params)

    def subscriber(self, card: str | None = "pm_card_visa", **params: Any) -> stripe.Subscription:
        """Create a customer on a test clock of its own and subscribe it."""
        customer = self.customer(card, test_clock=self.clock().id)
        told = {"customer": customer.id, "items": [{"price": self.monthly.id}], **params}
        return self.client.v1.subscriptions.create(told)

    def reread(self, subscription: stripe.Subscription) -> stripe.Subscription:
        """Read a subscription again."""
        return self.client.v1.subscriptions.retrieve(subscription.id)

    def at(self, subscription: stripe.Subscription, moment: int) -> stripe.Subscription:
        """Advance the subscription's clock to a moment; give the subscription as it is then."""
        clocks = self.client.v1.test_helpers.test_clocks
        clocks.advance(subscription.test_clock, {"frozen_time": moment})
        assert self.emulator.wait_idle()
        return self.reread(subscription)

    def change_card(self, subscription: stripe.Subscription, card: str) -> None:
        """Make another card the customer's default."""
        told = {"customer": subscription.customer}
        method = self.client.v1.payment_methods.attach(card, told)
        self.client.v1.customers.update(
            subscription.customer, {"invoice_settings": {"default_payment_method": method.id}}
        )

    def checkout(self, **params: Any) -> stripe.checkout.Session:
        """Open a checkout of the monthly price."""
        told = {
            "mode": "subscription",
            "line_items": [{"price": self.monthly.id, "quantity": 1}],
            "success_url": "http://shop.test/done?session={CHECKOUT_SESSION_ID}",
            **params,
        }
        return self.client.v1.checkout.sessions.create(told)


def answer(session: stripe.checkout.Session, card: str = "4242424242424242") -> requests.Response:
    """Press a button of the checkout page; the redirect to the shop is not followed."""
    return requests.post(str(session.url), {"card": card}, timeout=9, allow_redirects=False)


@pytest.fixture
def shop(emulator: Emulator, client: stripe.StripeClient) -> Shop:
    """A shop with something to sell."""
    product = client.v1.products.create({"name": "Pro", "metadata": {"plan": "pro"}})

    def price(interval: str, amount: int) -> stripe.Price:
        told = {"product": product.id, "currency": "usd", "unit_amount": amount}
        key = {"lookup_key": f"pro_{interval}", "recurring": {"interval": interval}}
        return client.v1.prices.create({**told, **key})

    return Shop(client, emulator, price("month", 2_000), price("year", 20_000))


@pytest.fixture(scope="session")
def schema_problems() -> Callable[[str, dict[str, Any]], list[str]]:
    """Check an object against the schema kept beside the project, where there is one."""
    path = Path(__file__).parents[3] / "shared/stripe-data/stripe-trimmed.openapi.json"
    if not path.exists():
        pytest.skip("there is no ../shared/stripe-data beside the project")
    checker = pytest.importorskip("jsonschema_rs")
    components = json.loads(path.read_text())["components"]

    @cache
    def validator(kind: str) -> Any:
        wanted = {"$ref": f"#/components/schemas/{kind}", "components": components}
        return checker.Draft202012Validator(wanted)

    def problems(kind: str, shown: dict[str, Any]) -> list[str]:
        if kind in NOT_IN_THE_SCHEMA:
            return []
        found = validator(kind).iter_errors(shown)
        return [f"{kind} {list(each.instance_path)}: {each.message}" for each in found]

    return problems
