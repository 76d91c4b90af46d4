"""What does a change leave alone, and what is refused?"""

from typing import Any
from uuid import UUID

import pytest
import stripe

from billing.emulator import Emulator
from tests.support.changes import CHANGE, Post, bought, invoices, keys
from tests.support.factories import a_user, auth
from tests.support.requests import Client


def test_a_crash_between_making_and_filling_the_schedule_is_healed_by_asking_again(
    change: Post, account: stripe.StripeClient
) -> None:
    change(plan="enterprise")
    account.v1.subscription_schedules.create({"from_subscription": bought(account).id})

    response = change(plan="pro")

    assert response.json["pending"]["plan"] == "pro"
    assert len(account.v1.subscription_schedules.list().data) == 1


def test_a_stale_read_of_ours_does_not_decide(change: Post, account: stripe.StripeClient) -> None:
    """Somebody has changed the plan in the portal, and we have not heard of it."""
    (item,) = bought(account)["items"].data
    price = account.v1.prices.list({"lookup_keys": ["enterprise_month"]}).data[0]
    account.v1.subscriptions.update(
        bought(account).id, {"items": [{"id": item.id, "price": price.id}]}
    )

    response = change(plan="pro")

    assert (response.json["plan"], response.json["pending"]["plan"]) == ("enterprise", "pro")


def test_somebody_elses_subscription_is_out_of_reach(
    client: Client, pro_id: UUID, account: stripe.StripeClient
) -> None:
    stranger = a_user(email="stranger@example.com")

    response = client.post(CHANGE, json={"plan": "enterprise"}, headers=auth(stranger.id))

    assert (response.status_code, response.json["code"]) == (409, "no_subscription")
    assert keys(account) == [("pro_month", 1)]


def test_a_price_that_is_sold_no_more_is_kept_by_who_has_it(
    change: Post, account: stripe.StripeClient
) -> None:
    (item,) = bought(account)["items"].data
    old = item.price
    account.v1.prices.create(
        {
            "product": str(old.product),
            "currency": "usd",
            "unit_amount": 3_900,
            "recurring": {"interval": "month"},
            "lookup_key": "pro_month",
            "transfer_lookup_key": True,
        }
    )
    account.v1.prices.update(old.id, {"active": False})

    change(quantity=2)

    (item,) = bought(account)["items"].data
    assert (item.price.id, item.quantity) == (old.id, 2)


def test_add_ons_stay_as_they_are(change: Post, account: stripe.StripeClient) -> None:
    product = account.v1.products.create({"name": "Extra"})
    extra = account.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 500,
            "recurring": {"interval": "month"},
        }
    )
    account.v1.subscription_items.create({"subscription": bought(account).id, "price": extra.id})
    change(plan="enterprise")

    response = change(plan="pro")

    schedule = account.v1.subscription_schedules.list().data[0]
    assert response.json["plan"] == "enterprise"
    assert [
        [str(item.price) for item in phase.items].count(extra.id) for phase in schedule.phases
    ] == [
        1,
        1,
    ]


def test_a_subscription_that_is_about_to_end_is_resumed_first(
    change: Post, account: stripe.StripeClient
) -> None:
    account.v1.subscriptions.update(bought(account).id, {"cancel_at_period_end": True})

    response = change(plan="enterprise")

    assert (response.status_code, response.json["code"]) == (409, "subscription_not_changeable")
    assert response.json["portal"] == "/v1/subscription/portal"


def test_a_plan_made_by_hand_at_stripe_is_not_touched(
    change: Post, account: stripe.StripeClient
) -> None:
    schedule = account.v1.subscription_schedules.create({"from_subscription": bought(account).id})
    price = str(schedule.phases[0].items[0].price)
    phase: Any = {"items": [{"price": price}], "duration": {"interval": "month"}}
    now: Any = {
        "items": [{"price": price}],
        "start_date": schedule.phases[0].start_date,
        "end_date": schedule.phases[0].end_date,
    }
    account.v1.subscription_schedules.update(schedule.id, {"phases": [now, phase, phase]})

    response = change(plan="enterprise")

    assert (response.status_code, response.json["code"]) == (409, "subscription_not_changeable")
    assert account.v1.subscription_schedules.retrieve(schedule.id).status == "active"


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        pytest.param({}, 422, "invalid", id="nothing"),
        pytest.param({"plan": "gold"}, 404, "not_found", id="unknown plan"),
        pytest.param({"plan": "free"}, 422, "not_for_sale", id="free plan"),
        pytest.param({"interval": "week"}, 422, "invalid", id="unknown interval"),
        pytest.param({"quantity": 0}, 422, "invalid", id="none"),
        pytest.param({"quantity": 1_001}, 422, "too_many_seats", id="too many"),
        pytest.param({"quantity": "2"}, 422, "invalid", id="a text"),
        pytest.param({"plan": "pro", "price": "price_1"}, 422, "invalid", id="unknown field"),
    ],
)
def test_what_cannot_be_had_is_told_and_changes_nothing(
    change: Post, account: stripe.StripeClient, wanted: dict[str, Any], status: int, code: str
) -> None:
    response = change(**wanted)

    assert (response.status_code, response.json["code"]) == (status, code)
    assert keys(account) == [("pro_month", 1)]


def test_when_stripe_is_down_nothing_is_changed_and_the_retry_is_safe(
    change: Post, emulator: Emulator, account: stripe.StripeClient
) -> None:
    emulator.faults.api_status = [500] * 8

    failed = change(plan="enterprise")
    emulator.faults.api_status = []

    assert (failed.status_code, failed.json["code"]) == (503, "stripe_unavailable")
    assert change(plan="enterprise").json["plan"] == "enterprise"
    assert len(invoices(account, "subscription_update")) == 1
