"""In the portal customers do what the configuration allows."""

from typing import Any

import pytest
import requests
import stripe

from tests.emulator.conftest import Shop


def portal(shop: Shop, subscription: stripe.Subscription, **features: Any) -> str:
    """Open the portal with these features; give its address."""
    configuration = shop.client.v1.billing_portal.configurations.create({"features": features})
    session = shop.client.v1.billing_portal.sessions.create(
        {
            "customer": subscription.customer,
            "configuration": configuration.id,
            "return_url": "http://shop.test/account",
        }
    )
    return session.url


def press(url: str, action: str, subscription: stripe.Subscription, **form: str) -> int:
    """Press a button; give the status after the redirect."""
    told = {"subscription": subscription.id, **form}
    return requests.post(f"{url}/{action}", told, timeout=9).status_code


def test_canceling_plans_the_end_and_can_be_taken_back(shop: Shop) -> None:
    subscription = shop.subscriber()
    url = portal(shop, subscription, subscription_cancel={"enabled": True})

    press(url, "cancel", subscription)
    planned = shop.reread(subscription)
    press(url, "keep", subscription)

    assert planned.cancel_at == subscription["items"].data[0].current_period_end
    assert (planned.status, planned.cancel_at_period_end) == ("active", False)
    assert shop.reread(subscription).cancel_at is None


def test_a_classic_subscription_is_canceled_at_period_end(shop: Shop) -> None:
    subscription = shop.subscriber(billing_mode={"type": "classic"})
    url = portal(shop, subscription, subscription_cancel={"enabled": True})

    press(url, "cancel", subscription)

    assert shop.reread(subscription).cancel_at_period_end


def test_what_is_not_allowed_is_refused(shop: Shop) -> None:
    subscription = shop.subscriber()
    url = portal(shop, subscription, invoice_history={"enabled": True})

    assert press(url, "cancel", subscription) == 403
    assert shop.reread(subscription).cancel_at is None


def test_another_customers_subscription_is_out_of_reach(shop: Shop) -> None:
    mine, other = shop.subscriber(), shop.subscriber()
    url = portal(shop, mine, subscription_cancel={"enabled": True})

    assert press(url, "cancel", other) == 403


def switching(shop: Shop, *conditions: str) -> dict[str, Any]:
    """Allow a switch between both prices."""
    product = str(shop.monthly.product)
    return {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "products": [{"product": product, "prices": [shop.monthly.id, shop.yearly.id]}],
        "schedule_at_period_end": {"conditions": [{"type": each} for each in conditions]},
    }


def test_switching_changes_the_price_now(shop: Shop) -> None:
    subscription = shop.subscriber()
    url = portal(shop, subscription, subscription_update=switching(shop))

    press(url, "switch", subscription, price=shop.yearly.id)

    assert shop.reread(subscription)["items"].data[0].price.id == shop.yearly.id


def test_a_shorter_interval_waits_for_the_periods_end(shop: Shop) -> None:
    subscription = shop.subscriber(items=[{"price": shop.yearly.id}])
    url = portal(shop, subscription, subscription_update=switching(shop, "shortening_interval"))

    press(url, "switch", subscription, price=shop.monthly.id)

    waiting = shop.reread(subscription)
    schedule = shop.client.v1.subscription_schedules.retrieve(waiting.schedule)
    assert waiting["items"].data[0].price.id == shop.yearly.id
    assert schedule.phases[1]["items"][0].price == shop.monthly.id


def test_pausing_and_resuming(shop: Shop) -> None:
    subscription = shop.subscriber()
    url = portal(shop, subscription, subscription_pause={"enabled": True})

    press(url, "pause", subscription)
    paused = shop.reread(subscription).status
    press(url, "resume", subscription)

    assert (paused, shop.reread(subscription).status) == ("paused", "active")


def test_a_new_card_pays_what_is_open(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    behind = shop.at(subscription, subscription.created + 32 * 86_400)
    url = portal(shop, subscription, payment_method_update={"enabled": True})

    press(url, "card", subscription, card="4242424242424242")

    assert (behind.status, shop.reread(subscription).status) == ("past_due", "active")


def test_the_page_shows_subscription_and_invoices(shop: Shop) -> None:
    subscription = shop.subscriber()
    session = shop.client.v1.billing_portal.sessions.create({"customer": subscription.customer})

    page = requests.get(session.url, timeout=9).text

    assert "pro_month" in page
    assert "20.00 USD" in page
    assert "<script" not in page


def test_a_configuration_is_changed_in_depth(shop: Shop) -> None:
    configurations = shop.client.v1.billing_portal.configurations
    made = configurations.create(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}}
    )

    changed = configurations.update(
        made.id, {"features": {"subscription_cancel": {"enabled": False}}}
    )

    feature = changed.features.subscription_cancel
    assert (feature.enabled, feature.mode) == (False, "immediately")


def test_the_portal_needs_a_customer(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.billing_portal.sessions.create({})

    assert refusal.value.param == "customer"
