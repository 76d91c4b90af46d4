"""Is a change made once, paid for, and answered with what is then true?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import requests
import stripe
from flask import Flask
from werkzeug.test import TestResponse

from billing.emulator import Emulator
from billing.errors import BillingError
from billing.sales import changes
from billing.sales.targets import Wish
from tests.support.factories import a_user, auth
from tests.support.requests import Client

CHANGE = "/v1/subscription/change"
PREVIEW = "/v1/subscription/preview"
ME = "/v1/subscription/me"

Post = Callable[..., TestResponse]


@pytest.fixture
def change(client: Client, pro_id: UUID) -> Post:
    """Ask for a change as the user who has pro."""
    return lambda **wanted: client.post(CHANGE, json=wanted, headers=auth(pro_id))


def bought(account: stripe.StripeClient) -> stripe.Subscription:
    """The one subscription at Stripe."""
    (one,) = account.v1.subscriptions.list({"status": "all"}).data
    return one


def keys(account: stripe.StripeClient) -> list[tuple[str | None, int | None]]:
    """What the subscription consists of: lookup keys and quantities."""
    return [(item.price.lookup_key, item.quantity) for item in bought(account)["items"].data]


def invoices(account: stripe.StripeClient, reason: str) -> list[stripe.Invoice]:
    """The invoices made for this reason."""
    return [one for one in account.v1.invoices.list().data if one.billing_reason == reason]


def use_card(account: stripe.StripeClient, card: str) -> None:
    """Pay with this card from now on."""
    one = bought(account)
    method = account.v1.payment_methods.attach(card, {"customer": str(one.customer)})
    account.v1.subscriptions.update(one.id, {"default_payment_method": method.id})


def test_an_upgrade_is_made_at_once_and_the_difference_is_paid(
    change: Post, account: stripe.StripeClient
) -> None:
    response = change(plan="enterprise")

    assert (response.status_code, response.json["plan"]) == (200, "enterprise")
    assert response.json["confirmed"] is True
    assert response.json["pending"] is None
    assert keys(account) == [("enterprise_month", 1)]
    (invoice,) = invoices(account, "subscription_update")
    assert (invoice.status, invoice.total) == ("paid", 29_900 - 2_900)


@pytest.mark.parametrize(
    ("wanted", "items"),
    [
        pytest.param({"interval": "year"}, ("pro_year", 1), id="by the year"),
        pytest.param({"quantity": 3}, ("pro_month", 3), id="more seats"),
        pytest.param({"plan": "enterprise", "quantity": 2}, ("enterprise_month", 2), id="both"),
    ],
)
def test_more_of_anything_is_an_upgrade(
    change: Post, account: stripe.StripeClient, wanted: dict[str, Any], items: tuple[str, int]
) -> None:
    assert change(**wanted).status_code == 200

    assert keys(account) == [items]
    assert len(invoices(account, "subscription_update")) == 1


def test_a_downgrade_waits_for_the_end_of_the_period_and_shows_as_pending(
    change: Post, account: stripe.StripeClient
) -> None:
    change(plan="enterprise")
    end = bought(account)["items"].data[0].current_period_end

    response = change(plan="pro")

    assert (response.status_code, response.json["plan"]) == (200, "enterprise")
    assert response.json["pending"]["plan"] == "pro"
    assert response.json["pending"]["at"] == response.json["period"]["end"]
    assert keys(account) == [("enterprise_month", 1)]
    schedule = account.v1.subscription_schedules.list().data[0]
    assert [phase.end_date for phase in schedule.phases][0] == end
    assert schedule.end_behavior == "release"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"interval": "month"}, id="by the month again"),
        pytest.param({"quantity": 1}, id="fewer seats"),
    ],
)
def test_less_of_anything_waits_for_the_end_of_the_period(
    change: Post, account: stripe.StripeClient, wanted: dict[str, Any]
) -> None:
    change(interval="year", quantity=3)

    response = change(**wanted)

    assert response.json["pending"]["plan"] == "pro"
    assert keys(account) == [("pro_year", 3)]


def test_a_downgrade_comes_into_force_when_the_period_ends(
    change: Post, client: Client, pro_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    change(plan="enterprise")
    change(plan="pro", quantity=2)
    schedule = account.v1.subscription_schedules.list().data[0]

    later = [(item.price, item.quantity) for item in schedule.phases[1].items]
    lookup = account.v1.prices.retrieve(str(later[0][0])).lookup_key

    assert (lookup, later[0][1]) == ("pro_month", 2)


def test_the_opposite_of_a_planned_downgrade_forgets_it(
    change: Post, account: stripe.StripeClient
) -> None:
    change(plan="enterprise")
    change(plan="pro")

    response = change(plan="enterprise")

    assert response.json["pending"] is None
    assert account.v1.subscription_schedules.list().data[0].status == "released"
    assert len(invoices(account, "subscription_update")) == 1


def test_a_downgrade_can_be_planned_again_after_it_was_taken_back(change: Post) -> None:
    """The second plan is no repeat of the first: its key must be another."""
    change(plan="enterprise")
    change(plan="pro")
    change(plan="enterprise")

    assert change(plan="pro").json["pending"]["plan"] == "pro"


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
def test_an_upgrade_that_is_not_paid_keeps_the_old_plan_and_names_where_to_pay(
    change: Post, account: stripe.StripeClient, client: Client, pro_id: UUID, card: str
) -> None:
    use_card(account, card)

    response = change(plan="enterprise")

    assert (response.status_code, response.json["code"]) == (402, "payment_action_required")
    assert requests.get(response.json["hosted_invoice_url"], timeout=20).status_code == 200
    assert response.json["amount_due"] == 29_900 - 2_900
    assert client.get(ME, headers=auth(pro_id)).json["plan"] == "pro"


def test_asked_twice_an_unpaid_upgrade_has_one_invoice(
    change: Post, account: stripe.StripeClient
) -> None:
    use_card(account, "pm_card_authenticationRequired")
    first = change(plan="enterprise")

    second = change(plan="enterprise")

    assert second.json["hosted_invoice_url"] == first.json["hosted_invoice_url"]
    assert len(invoices(account, "subscription_update")) == 1


def test_once_its_invoice_is_paid_the_upgrade_is_there(
    change: Post, account: stripe.StripeClient
) -> None:
    use_card(account, "pm_card_authenticationRequired")
    refused = change(plan="enterprise")
    requests.post(
        refused.json["hosted_invoice_url"], {"card": "4242424242424242"}, timeout=20
    ).raise_for_status()

    response = change(plan="enterprise")

    assert (response.status_code, response.json["plan"]) == (200, "enterprise")
    assert len(invoices(account, "subscription_update")) == 1


def test_another_wish_takes_back_the_upgrade_that_was_not_paid(
    change: Post, account: stripe.StripeClient
) -> None:
    use_card(account, "pm_card_authenticationRequired")
    change(plan="enterprise")
    use_card(account, "pm_card_visa")

    response = change(quantity=2)

    assert response.status_code == 200
    assert keys(account) == [("pro_month", 2)]
    assert [one.status for one in invoices(account, "subscription_update")] == ["paid", "void"]


def test_asked_twice_an_upgrade_is_billed_once(change: Post, account: stripe.StripeClient) -> None:
    change(plan="enterprise")

    assert change(plan="enterprise").status_code == 200
    assert len(invoices(account, "subscription_update")) == 1


def test_asked_at_once_an_upgrade_is_billed_once(
    app: Flask, pro_id: UUID, account: stripe.StripeClient
) -> None:
    def call(_: int) -> str:
        with app.app_context():
            try:
                changes.change(pro_id, Wish("enterprise"))
            except BillingError as error:
                return error.code
            return "changed"

    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(call, range(8)))

    assert outcomes <= {"changed", "change_in_progress"}
    assert keys(account) == [("enterprise_month", 1)]
    assert len(invoices(account, "subscription_update")) == 1


def test_a_crash_after_stripe_has_done_it_bills_once(
    change: Post, account: stripe.StripeClient, emulator: Emulator
) -> None:
    """The change is performed, the answer never comes; the caller asks again."""
    emulator.faults.api_lost = 5

    first = change(plan="enterprise")
    emulator.faults.api_lost = 0
    second = change(plan="enterprise")

    assert first.status_code in {200, 503}
    assert second.json["plan"] == "enterprise"
    assert len(invoices(account, "subscription_update")) <= 1


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
        pytest.param({"quantity": 10_001}, 422, "invalid", id="too many"),
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


def test_the_preview_of_an_upgrade_is_what_it_then_costs(
    client: Client, pro_id: UUID, change: Post, account: stripe.StripeClient
) -> None:
    shown = client.get(f"{PREVIEW}?plan=enterprise&quantity=2", headers=auth(pro_id)).json

    change(plan="enterprise", quantity=2)

    assert shown["at"] is None
    assert shown["amount_due"] == invoices(account, "subscription_update")[0].amount_due
    assert [line["amount"] < 0 for line in shown["lines"]].count(True) == 1
    assert (shown["unit_amount"], shown["quantity"], shown["currency"]) == (29_900, 2, "usd")


def test_the_preview_of_a_downgrade_costs_nothing_now(
    client: Client, pro_id: UUID, change: Post
) -> None:
    change(plan="enterprise")

    shown = client.get(f"{PREVIEW}?plan=pro", headers=auth(pro_id)).json

    assert (shown["amount_due"], shown["lines"], shown["unit_amount"]) == (0, [], 2_900)
    assert shown["at"] is not None


def test_a_preview_changes_nothing(
    client: Client, pro_id: UUID, account: stripe.StripeClient
) -> None:
    client.get(f"{PREVIEW}?plan=enterprise", headers=auth(pro_id))

    assert keys(account) == [("pro_month", 1)]
    assert invoices(account, "subscription_update") == []


def test_previews_are_asked_of_stripe_each_time(
    client: Client, pro_id: UUID, account: stripe.StripeClient
) -> None:
    first = client.get(f"{PREVIEW}?plan=enterprise", headers=auth(pro_id)).json
    account.v1.subscriptions.update(
        bought(account).id,
        {"items": [{"id": bought(account)["items"].data[0].id, "quantity": 5}]},
    )

    second = client.get(f"{PREVIEW}?plan=enterprise", headers=auth(pro_id)).json

    assert first["amount_due"] != second["amount_due"]
