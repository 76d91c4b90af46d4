"""Does Stripe understand every request that we can make? The SDK's own types decide, and a schema.

The emulator refuses whatever the parameter types of the installed SDK do not know, so that no
parameter which Stripe took away is ever sent.
"""

import importlib.util
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from billing import clock
from billing.emulator import Emulator
from billing.stripe_api.gateway import StripeGateway
from config import Config

SHARED = Path(__file__).parents[3] / "shared" / "stripe-data"
REMOVED = {"payment_method_types", "coupon", "promotion_code", "iterations"}
OLD_UI_MODES = {"hosted", "embedded", "custom"}
NOT_CALLS = {"pages", "with_all_items", "may"}
"""What only walks through the answers of others, or asks what a caller names."""


@dataclass
class World:
    """An account with one of everything, and the gateway that asks about it."""

    gateway: StripeGateway
    account: stripe.StripeClient
    emulator: Emulator
    product: str
    price: str
    other_price: str
    customer: str
    subscription: str
    item: str
    invoice: str
    charge: str

    def schedule(self) -> str:
        """Put the subscription under a schedule."""
        told = {"from_subscription": self.subscription}
        return self.account.v1.subscription_schedules.create(told).id

    def checkout(self) -> str:
        """Open a checkout page."""
        return self.gateway.create_checkout_session(self.bought(), idempotency_key="x").id

    def bought(self) -> dict[str, Any]:
        """What a checkout may be asked with."""
        return {
            "mode": "subscription",
            "customer": self.customer,
            "client_reference_id": "user",
            "line_items": [{"price": self.price, "quantity": 2}],
            "metadata": {"user_id": "user"},
            "subscription_data": {
                "metadata": {"user_id": "user"},
                "billing_mode": {"type": "flexible"},
                "trial_period_days": 14,
                "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
            },
            "success_url": "http://127.0.0.1/done",
            "cancel_url": "http://127.0.0.1/pricing",
            "allow_promotion_codes": True,
            "automatic_tax": {"enabled": True},
            "tax_id_collection": {"enabled": True},
            "customer_update": {"address": "auto", "name": "auto"},
        }


@pytest.fixture
def world(config: Config, emulator: Emulator) -> World:
    """Build it at the emulator."""
    account = stripe.StripeClient("sk_test_world", base_addresses={"api": emulator.url})
    product = account.v1.products.create({"name": "Pro"})
    prices = [
        account.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": "month"},
            }
        )
        for amount in (1_000, 2_000)
    ]
    customer = account.v1.customers.create({"payment_method": "pm_card_visa"})
    card = account.v1.payment_methods.list({"customer": customer.id}).data[0]
    bought = account.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": prices[0].id}],
            "default_payment_method": card.id,
        }
    )
    return World(
        gateway=StripeGateway(config),
        account=account,
        emulator=emulator,
        product=product.id,
        price=prices[0].id,
        other_price=prices[1].id,
        customer=customer.id,
        subscription=bought.id,
        item=bought["items"].data[0].id,
        invoice=str(bought.latest_invoice),
        charge=account.v1.charges.list().data[0].id,
    )


def an_end_taken_back(world: World) -> object:
    for number, way in enumerate(({"cancel_at_period_end": True}, {"cancel_at": 4_000_000_000})):
        world.account.v1.subscriptions.update(world.subscription, way)  # type: ignore[arg-type] # both are ways
        world.gateway.keep(
            world.subscription,
            was_at_period_end="cancel_at_period_end" in way,
            idempotency_key=f"keep{number}",
        )
    return None


def a_pause_ended(world: World) -> object:
    world.account.v1.subscriptions.pause(world.subscription, {"type": "subscription"})
    return world.gateway.resume(world.subscription, idempotency_key="resume")


def phases_planned(world: World) -> object:
    made = world.gateway.create_schedule(world.subscription, idempotency_key="schedule")
    assert made.phase_start is not None
    assert made.phase_end is not None
    now = {
        "start_date": clock.to_unix(made.phase_start),
        "end_date": clock.to_unix(made.phase_end),
        "items": [{"price": world.price, "quantity": 1}],
        "proration_behavior": "none",
    }
    later = {
        "duration": {"interval": "month", "interval_count": 1},
        "items": [{"price": world.other_price, "quantity": 1}],
        "proration_behavior": "none",
    }
    return world.gateway.plan_phases(made.id, [now, later], idempotency_key="phases")


def an_unpaid_change_taken_back(world: World) -> object:
    card = world.account.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": world.customer}
    )
    told: Any = {"default_payment_method": card.id}
    world.account.v1.subscriptions.update(world.subscription, told)
    waiting = world.gateway.change_items(
        world.subscription,
        [{"id": world.item, "price": world.other_price, "quantity": 1}],
        is_trial=False,
        idempotency_key="change",
    )
    assert waiting.waits_for_payment
    return world.gateway.void_invoice(str(waiting.latest_invoice_id), idempotency_key="void")


def a_feature_given_and_taken(world: World) -> object:
    made = world.gateway.create_feature("exports", idempotency_key="feature")
    world.gateway.attach_feature(world.product, made.id)
    attached = world.gateway.features_of_product(world.product)
    return world.gateway.detach_feature(world.product, attached["exports"])


def a_portal(world: World) -> str:
    features = {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_pause": {"enabled": False},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "products": [{"product": world.product, "prices": [world.price]}],
            "proration_behavior": "always_invoice",
            "schedule_at_period_end": {"conditions": [{"type": "shortening_interval"}]},
        },
    }
    told = {"features": features, "metadata": {"billing": "portal"}, "name": "Billing"}
    return world.gateway.create_portal_configuration(told, idempotency_key="portal").id


def a_portal_session(world: World) -> object:
    return world.gateway.create_portal_session(
        {
            "customer": world.customer,
            "configuration": a_portal(world),
            "return_url": "http://127.0.0.1/account",
            "flow_data": {
                "type": "subscription_cancel",
                "subscription_cancel": {"subscription": world.subscription},
            },
        }
    )


def a_price_made(world: World) -> object:
    told = {
        "product": world.product,
        "lookup_key": "pro_month",
        "currency": "usd",
        "unit_amount": 3_000,
        "recurring": {"interval": "month"},
        "metadata": {"plan": "pro"},
    }
    return world.gateway.create_price(told, idempotency_key="price")


def a_clock_read(world: World) -> object:
    made = world.account.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000})
    return world.gateway.test_clock(made.id)


def an_endpoint(world: World) -> str:
    url, events = "http://127.0.0.1:9/webhooks", ["invoice.paid"]
    return str(world.gateway.create_webhook_endpoint(url, events, earlier=0).id)


def changed(world: World) -> object:
    item = {"id": world.item, "price": world.other_price, "quantity": 2}
    return world.gateway.change_items(
        world.subscription, [item], is_trial=False, idempotency_key="change"
    )


CALLS: dict[str, Callable[[World], object]] = {
    "archive_price": lambda w: w.gateway.archive_price(w.other_price),
    "attach_feature": a_feature_given_and_taken,
    "cancel_at_period_end": lambda w: w.gateway.cancel_at_period_end(
        w.subscription, idempotency_key="cancel"
    ),
    "cancel_now": lambda w: w.gateway.cancel_now(w.subscription, credit=True),
    "change_items": changed,
    "charge": lambda w: w.gateway.charge(w.charge),
    "checkout_session": lambda w: w.gateway.checkout_session(w.checkout()),
    "create_checkout_session": World.checkout,
    "create_customer": lambda w: w.gateway.create_customer(
        user_id="u", email="a@example.com", idempotency_key="customer"
    ),
    "create_feature": a_feature_given_and_taken,
    "create_portal_configuration": a_portal,
    "create_portal_session": a_portal_session,
    "create_price": a_price_made,
    "create_product": lambda w: w.gateway.create_product(
        {"name": "Team", "metadata": {"plan": "team"}, "description": "All"}, idempotency_key="p"
    ),
    "create_schedule": phases_planned,
    "create_webhook_endpoint": an_endpoint,
    "customer": lambda w: w.gateway.customer(w.customer),
    "detach_feature": a_feature_given_and_taken,
    "disputes_of": lambda w: w.gateway.disputes_of(w.charge),
    "entitlements_of": lambda w: w.gateway.entitlements_of(w.customer),
    "expire_checkout_session": lambda w: w.gateway.expire_checkout_session(
        w.checkout(), idempotency_key="expire"
    ),
    "features": lambda w: w.gateway.features(),
    "features_of_product": lambda w: w.gateway.features_of_product(w.product),
    "fraud_warnings_of": lambda w: w.gateway.fraud_warnings_of(w.charge),
    "has_features": lambda w: w.gateway.has_features(),
    "invoice": lambda w: w.gateway.invoice(w.invoice),
    "invoice_paid_by": lambda w: w.gateway.invoice_paid_by(w.gateway.charge(w.charge)),
    "invoices_of": lambda w: w.gateway.invoices_of(w.customer, "paid"),
    "keep": an_end_taken_back,
    "payment_statuses_of": lambda w: w.gateway.payment_statuses_of(w.invoice),
    "plan_phases": phases_planned,
    "portal_configurations": lambda w: w.gateway.portal_configurations(),
    "preview_items": lambda w: w.gateway.preview_items(
        w.subscription, [{"id": w.item, "price": w.other_price, "quantity": 1}]
    ),
    "price": lambda w: w.gateway.price(w.price),
    "prices_by_lookup_key": lambda w: w.gateway.prices_by_lookup_key(["pro_month"]),
    "prices_of": lambda w: w.gateway.prices_of(w.product),
    "product": lambda w: w.gateway.product(w.product),
    "products": lambda w: w.gateway.products(),
    "promotion_code": lambda w: w.gateway.promotion_code("SPRING"),
    "release_schedule": lambda w: w.gateway.release_schedule(
        w.schedule(), idempotency_key="release"
    ),
    "resume": a_pause_ended,
    "phase_terms": lambda w: w.gateway.phase_terms(w.schedule()),
    "schedules_of": lambda w: w.gateway.schedules_of(w.customer),
    "set_portal_configuration": lambda w: w.gateway.set_portal_configuration(
        a_portal(w), {"features": {"subscription_pause": {"enabled": True}}}
    ),
    "set_product": lambda w: w.gateway.set_product(
        w.product, {"name": "Pro plus", "active": False}
    ),
    "subscription": lambda w: w.gateway.subscription(w.subscription),
    "subscriptions_of": lambda w: w.gateway.subscriptions_of(w.customer),
    "test_clock": a_clock_read,
    "undelivered_since": lambda w: w.gateway.undelivered_since(1_800_000_000),
    "update_webhook_endpoint": lambda w: w.gateway.update_webhook_endpoint(
        an_endpoint(w), ["invoice.paid"]
    ),
    "void_invoice": an_unpaid_change_taken_back,
    "webhook_endpoints": lambda w: w.gateway.webhook_endpoints(),
}


def test_every_call_of_the_gateway_is_made_here() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(StripeGateway, inspect.isfunction)
        if not name.startswith("_")
    }

    assert set(CALLS) == public - NOT_CALLS


@pytest.mark.parametrize("name", sorted(CALLS))
def test_stripe_understands_the_call(world: World, name: str) -> None:
    before = len(world.emulator.requests)

    CALLS[name](world)

    made = world.emulator.requests[before:]
    assert {one[4] for one in made} == {200}
    for _, path, told, *_ in made:
        assert not REMOVED & top_level(path, told)
        assert told.get("ui_mode") not in OLD_UI_MODES


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_published_schema_allows_the_call(world: World, name: str) -> None:
    spec = published_schema()
    before = len(world.emulator.requests)

    CALLS[name](world)

    assert [
        problem
        for method, path, told, *_ in world.emulator.requests[before:]
        for problem in problems(spec, method, path, told)
    ] == []


def top_level(path: str, told: dict[str, Any]) -> set[str]:
    """The parameters of a request; a list of promotion codes is filtered by `coupon` rightly."""
    return set() if path.startswith("/v1/promotion_codes") else set(told)


def problems(spec: Any, method: str, path: str, told: dict[str, Any]) -> list[str]:
    """What the schema objects to; routes that the trimmed schema leaves out are not judged."""
    try:
        found: list[str] = spec.request(method, path, urlencode(flat(told)))
    except KeyError:
        return []
    return [f"{method} {path} {one}" for one in found]


def flat(told: Any, path: str = "") -> list[tuple[str, str]]:
    """Fold nested parameters into form keys with brackets."""
    if not isinstance(told, dict):
        return [(path, str(told))]
    return [
        pair
        for name, value in told.items()
        for pair in flat(value, f"{path}[{name}]" if path else name)
    ]


def published_schema() -> Any:
    """Load the schema and its reader, where they stand beside the project."""
    if not SHARED.exists():
        pytest.skip("there is no ../shared/stripe-data beside the project")
    found = importlib.util.spec_from_file_location("reader", SHARED / "stripe_validate.py")
    assert found is not None
    assert found.loader is not None
    reader = importlib.util.module_from_spec(found)
    found.loader.exec_module(reader)
    return reader.StripeSpec(json.loads((SHARED / "stripe-trimmed.openapi.json").read_text()))
