"""Objects have the shapes of 2026-10-28.endive."""

import typing
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe
from stripe._object_classes import get_object_class

from billing.emulator import Emulator
from tests.emulator.conftest import DAY, START, Mailbox, Shop, answer

LATER = START + 40 * DAY
# Which object each embedded mapping of these fields is, where the SDK types it by a nested class.
NOT_TYPED = {"metadata", "payment_method_options", "previous_attributes", "fraud_details"}


def a_whole_life(shop: Shop) -> None:
    """Use every resource, so that each kind of object exists."""
    api = shop.client.v1
    feature = api.entitlements.features.create({"lookup_key": "reports", "name": "Reports"})
    product = str(shop.monthly.product)
    api.products.features.create(product, {"entitlement_feature": feature.id})
    subscription = shop.subscriber(discounts=[{"promotion_code": promotion_of(api)}])
    charge = api.charges.list().data[0]
    api.refunds.create({"charge": charge.id, "amount": 100})
    controls = f"{shop.emulator.url}/_emulator"
    requests.post(f"{controls}/disputes", json={"charge": charge.id}, timeout=9)
    requests.post(f"{controls}/early_fraud_warnings", json={"charge": charge.id}, timeout=9)
    api.subscription_schedules.create({"from_subscription": subscription.id})
    shop.at(subscription, LATER)
    answer(shop.checkout(client_reference_id="u", tax_id_collection={"enabled": True}))
    unpaid_lives(shop)
    open_the_portal(shop, str(subscription.customer))
    api.billing.meters.create(
        {"display_name": "A", "event_name": "a", "default_aggregation": {"formula": "sum"}}
    )


def promotion_of(api: stripe.V1Services) -> str:
    """Create a promotion code."""
    coupon = api.coupons.create({"percent_off": 10, "duration": "once"})
    told = {"promotion": {"type": "coupon", "coupon": coupon.id}}
    return str(api.promotion_codes.create(told).id)


def unpaid_lives(shop: Shop) -> None:
    """Let payments fail, wait and never come."""
    failing = shop.subscriber()
    shop.change_card(failing, "pm_card_chargeCustomerFail")
    item = failing["items"].data[0].id
    told = {"items": [{"id": item, "price": shop.yearly.id}]}
    shop.client.v1.subscriptions.update(
        failing.id, {**told, "payment_behavior": "pending_if_incomplete"}
    )
    shop.at(failing, LATER)
    trial = shop.subscriber(card=None, trial_period_days=7)
    shop.client.v1.subscriptions.update(trial.id, {"cancel_at_period_end": True})
    shop.client.v1.subscriptions.pause(shop.subscriber().id)


def open_the_portal(shop: Shop, customer: str) -> None:
    """Open the portal, at a flow of it."""
    pausing = {"subscription_pause": {"enabled": True}, "subscription_update": {"enabled": True}}
    shop.client.v1.billing_portal.configurations.create({"features": pausing})
    shop.client.v1.billing_portal.sessions.create(
        {"customer": customer, "flow_data": {"type": "payment_method_update"}}
    )


@pytest.fixture
def lived(shop: Shop, emulator: Emulator, mailbox: Mailbox) -> list[dict[str, Any]]:
    """Every object of an account that has seen something, as the API shows it."""
    a_whole_life(shop)
    assert emulator.wait_idle()
    account = emulator.account
    stored = [found for kind in account.kinds() for found in account.all(kind)]
    return [account.view(found) for found in stored if not found["object"].startswith("_")]


def test_every_object_fits_the_published_schema(
    lived: list[dict[str, Any]], schema_problems: Callable[[str, dict[str, Any]], list[str]]
) -> None:
    problems = [text for shown in lived for text in schema_problems(shown["object"], shown)]

    assert problems == []


def test_every_delivered_object_fits_the_published_schema(
    lived: list[dict[str, Any]],
    mailbox: Mailbox,
    schema_problems: Callable[[str, dict[str, Any]], list[str]],
) -> None:
    # An upcoming invoice has no id, which the schema asks of every invoice.
    with_id = [event for event in mailbox.events if event["type"] != "invoice.upcoming"]
    told = [event["data"]["object"] for event in with_id]

    assert [text for shown in told for text in schema_problems(shown["object"], shown)] == []


def test_the_last_event_about_an_object_shows_it_as_it_is(lived: list[dict[str, Any]]) -> None:
    events = [shown for shown in lived if shown["object"] == "event"]
    last = {told["id"]: told for told in (e["data"]["object"] for e in events) if "id" in told}
    always_told = ("subscription", "invoice", "product", "price", "subscription_schedule")

    now = {shown["id"]: shown for shown in lived if shown["object"] in always_told}

    assert {id: last[id] for id in now} == now


def test_no_object_has_a_field_that_the_sdk_does_not_know(lived: list[dict[str, Any]]) -> None:
    strange = {name for shown in lived for name in unknown_fields(shown)}

    assert strange == set()


def unknown_fields(shown: dict[str, Any]) -> set[str]:
    """Name the fields of an object, nested ones too, that its SDK class lacks."""
    return strangers(get_object_class("V1", shown["object"]), shown, shown["object"])


def strangers(typed: Any, shown: Any, path: str) -> set[str]:
    """Compare a mapping with a class, and what is in it with the classes nested there."""
    hints = {name: hint for base in reversed(typed.__mro__) for name, hint in hints_of(base)}
    found = {f"{path}.{name}" for name in shown if name not in hints}
    for name, value in shown.items():
        nested = nested_class(typed, hints.get(name))
        if isinstance(value, dict) and nested and name not in NOT_TYPED:
            found |= strangers(nested, value, f"{path}.{name}")
    return found


def hints_of(typed: Any) -> Any:
    """Give the annotations that a class itself declares."""
    return vars(typed).get("__annotations__", {}).items()


def nested_class(typed: Any, hint: Any) -> Any:
    """Find the class nested in another one that an annotation names, if it does."""
    names = [
        part.__forward_arg__
        if isinstance(part, typing.ForwardRef)
        else getattr(part, "__name__", "")
        for part in (hint, *typing.get_args(hint))
    ]
    candidates = (getattr(typed, name.rpartition(".")[2], None) for name in names if name)
    found = next((each for each in candidates if isinstance(each, type)), None)
    return found if found and issubclass(found, stripe.StripeObject) else None
