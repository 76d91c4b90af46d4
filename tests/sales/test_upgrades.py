"""Is an upgrade made at once, paid for, and billed once?"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import requests
import stripe
from flask import Flask

from billing.emulator import Emulator
from billing.errors import BillingError
from billing.sales import changes
from billing.sales.targets import Wish
from tests.support.changes import ME, Post, invoices, keys, use_card
from tests.support.factories import auth
from tests.support.requests import Client


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
