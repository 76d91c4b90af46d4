"""Does what is planned show, whoever planned it, and is it forgotten when it is no more?"""

from typing import Any
from uuid import UUID

import pytest
import stripe

from billing import clock
from billing.emulator import Emulator
from billing.sales.checkout import open_checkout
from billing.sales.truth import catch_up
from tests.support.factories import auth
from tests.support.live import Shopkeeper, pay
from tests.support.requests import Client

ME = "/v1/subscription/me"


@pytest.fixture
def yearly_id(shop: None, service: str, user_id: UUID, emulator: Emulator) -> UUID:
    """Somebody who has pro by the year, with every event delivered."""
    pay(open_checkout(user_id, "pro", "year").url)
    assert emulator.wait_idle()
    return user_id


def schedule(account: stripe.StripeClient, lookup_key: str) -> stripe.SubscriptionSchedule:
    """Plan another price in the Dashboard, so to speak."""
    (one,) = account.v1.subscriptions.list().data
    price = account.v1.prices.list({"lookup_keys": [lookup_key]}).data[0]
    made = account.v1.subscription_schedules.create({"from_subscription": one.id})
    now: Any = {
        "items": [{"price": str(made.phases[0].items[0].price)}],
        "start_date": made.phases[0].start_date,
        "end_date": made.phases[0].end_date,
    }
    later: Any = {"items": [{"price": price.id}]}
    return account.v1.subscription_schedules.update(made.id, {"phases": [now, later]})


def test_what_was_planned_at_stripe_shows_by_its_events(
    client: Client, yearly_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    planned = schedule(account, "enterprise_month")
    assert emulator.wait_idle()

    shown = client.get(ME, headers=auth(yearly_id)).json

    at = clock.from_unix(planned.phases[1].start_date).isoformat()
    assert (shown["plan"], shown["pending"]) == ("pro", {"plan": "enterprise", "at": at})


def test_what_was_released_at_stripe_shows_no_more(
    client: Client, yearly_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    planned = schedule(account, "enterprise_month")
    account.v1.subscription_schedules.release(planned.id)
    assert emulator.wait_idle()

    assert client.get(ME, headers=auth(yearly_id)).json["pending"] is None


def test_a_plan_for_an_unknown_price_shows_when_but_not_what(
    client: Client, yearly_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    product = account.v1.products.create({"name": "Else"})
    account.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {"interval": "month"},
            "lookup_key": "gold_month",
        }
    )
    schedule(account, "gold_month")
    assert emulator.wait_idle()

    shown = client.get(ME, headers=auth(yearly_id)).json

    assert shown["pending"]["plan"] is None
    assert shown["pending"]["at"] is not None


def test_an_event_that_names_the_schedule_by_id_alone_forgets_nothing(
    client: Client, yearly_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    schedule(account, "enterprise_month")
    assert emulator.wait_idle()
    emulator.faults.api_reset = 99
    (one,) = emulator.account.all("subscription")
    client.post_event(
        {
            "id": "evt_unexpanded",
            "object": "event",
            "type": "customer.subscription.updated",
            "api_version": stripe.api_version,
            "created": clock.to_unix(clock.utc_now()) + 60,
            "livemode": False,
            "data": {"object": {**emulator.account.view(one), "metadata": {"seen": "yes"}}},
        }
    )

    shown = client.get(ME, headers=auth(yearly_id)).json

    assert shown["confirmed"] is False
    assert shown["pending"]["plan"] == "enterprise"


def test_with_an_immediate_end_nothing_is_planned_any_more(
    client: Client, yearly_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    planned = schedule(account, "enterprise_month")
    account.v1.subscription_schedules.cancel(planned.id)
    assert emulator.wait_idle()

    shown = client.get(ME, headers=auth(yearly_id)).json

    assert (shown["plan"], shown["pending"]) == ("free", None)


@pytest.mark.usefixtures("shop", "service")
def test_a_planned_downgrade_comes_into_force_when_its_time_comes(
    client: Client, user_id: UUID, emulator: Emulator
) -> None:
    shopkeeper = Shopkeeper(emulator, clock.to_unix(clock.utc_now()))
    customer = shopkeeper.customer_on_clock(str(user_id), "buyer@example.com")
    pay(open_checkout(user_id, "enterprise").url)
    assert emulator.wait_idle()
    planned = client.post("/v1/subscription/change", json={"plan": "pro"}, headers=auth(user_id))
    end = shopkeeper.subscription_of(customer)["items"].data[0].current_period_end

    shopkeeper.travel_to(end + 2 * 3600)
    catch_up(customer)

    shown = client.get(ME, headers=auth(user_id)).json
    assert planned.json["pending"]["plan"] == "pro"
    assert (shown["plan"], shown["pending"], shown["status"]) == ("pro", None, "active")
