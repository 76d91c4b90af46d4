"""Is exactly what was wished for asked of Stripe, and nothing that the buyer must not have?"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from billing.catalog import apply, plans, seed
from billing.catalog.plans import OfferedPrice
from billing.database import transaction
from billing.emulator import Emulator
from billing.models import StripeCustomer, SubscriptionPlan
from billing.sales.buyers import buyer, customer_of
from billing.sales.checkout import open_checkout
from billing.sales.purchases import CurrencyMismatch, CustomerDeleted
from billing.sales.truth import catch_up
from billing.stripe_sync.subjects import Part
from config import BillingMode, Config, TrialWithoutCard
from tests.support.factories import a_user, auth
from tests.support.live import pay
from tests.support.requests import Client

pytestmark = pytest.mark.usefixtures("shop")
PATH = "/v1/subscription/checkout"
FREE, PRO, ENTERPRISE = plans.load()


def asked(emulator: Emulator) -> dict[str, Any]:
    """What the newest checkout was asked with."""
    path = "/v1/checkout/sessions"
    return [one[2] for one in emulator.requests if (one[0], one[1]) == ("POST", path)][-1]


def offer_trial(days: int) -> None:
    with transaction() as session:
        session.execute(
            sa.update(SubscriptionPlan)
            .where(SubscriptionPlan.name == "pro")
            .values(trial_days=days)
        )


def end_everything(account: stripe.StripeClient, user_id: UUID) -> None:
    for one in account.v1.subscriptions.list().data:
        account.v1.subscriptions.cancel(one.id)
    catch_up(str(buyer(user_id).stripe_customer_id), *Part)


def test_so_many_seats_are_bought_as_were_wished(
    client: Client, user_id: UUID, emulator: Emulator
) -> None:
    response = client.post(PATH, json={"plan": "pro", "quantity": 7}, headers=auth(user_id))

    assert response.status_code == 201
    assert asked(emulator)["line_items"]["0"]["quantity"] == "7"


def test_billing_mode_is_always_said(user_id: UUID, emulator: Emulator) -> None:
    open_checkout(user_id, "pro")

    assert asked(emulator)["subscription_data"]["billing_mode"] == {"type": "flexible"}


def test_a_trial_is_given_once(
    user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    offer_trial(14)
    pay(open_checkout(user_id, "pro").url)
    first = asked(emulator)["subscription_data"]
    end_everything(account, user_id)

    open_checkout(user_id, "pro", "year")

    again = asked(emulator)["subscription_data"]
    assert first["trial_period_days"] == "14"
    assert first["trial_settings"] == {"end_behavior": {"missing_payment_method": "cancel"}}
    assert "trial_period_days" not in again


def test_a_trial_that_only_stripe_remembers_counts_too(
    user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    """Every event of it was lost: a stale read of ours must not give a second trial."""
    offer_trial(14)
    customer_id = customer_of(buyer(user_id))
    price = account.v1.prices.list({"lookup_keys": ["pro_month"]}).data[0]
    old = account.v1.subscriptions.create(
        {"customer": customer_id, "items": [{"price": price.id}], "trial_period_days": 3}
    )
    account.v1.subscriptions.cancel(old.id)

    open_checkout(user_id, "pro")

    assert "trial_period_days" not in asked(emulator)["subscription_data"]


def test_somebody_elses_trial_does_not_count(
    user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    offer_trial(14)
    pay(open_checkout(user_id, "pro").url)
    catch_up(str(buyer(user_id).stripe_customer_id), *Part)

    open_checkout(a_user(email="other@example.com").id, "pro")

    assert asked(emulator)["subscription_data"]["trial_period_days"] == "14"


def test_a_typed_code_is_looked_up_and_taken(
    client: Client, user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    coupon = account.v1.coupons.create({"percent_off": 20})
    code = account.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    )

    body = {"plan": "pro", "promotion_code": "SPRING"}
    assert client.post(PATH, json=body, headers=auth(user_id)).status_code == 201

    assert asked(emulator)["discounts"] == {"0": {"promotion_code": code.id}}
    assert "allow_promotion_codes" not in asked(emulator)


def test_a_code_of_another_customer_is_unknown(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    other = account.v1.customers.create({"email": "other@example.com"})
    coupon = account.v1.coupons.create({"percent_off": 20})
    account.v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "MINE",
            "customer": other.id,
        }
    )

    body = {"plan": "pro", "promotion_code": "MINE"}
    response = client.post(PATH, json=body, headers=auth(user_id))

    assert (response.status_code, response.json["code"]) == (422, "unknown_promotion_code")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"promotion_code": "NOPE"}, "unknown_promotion_code", id="unknown code"),
        pytest.param({"currency": "eur"}, "not_for_sale", id="not sold in that currency"),
        pytest.param({"currency": "EUR"}, "invalid", id="no currency"),
        pytest.param({"currency": "euro"}, "invalid", id="a longer word"),
        pytest.param({"quantity": 0}, "invalid", id="none"),
        pytest.param({"quantity": -1}, "invalid", id="less than none"),
        pytest.param({"quantity": 1_001}, "too_many_seats", id="too many"),
        pytest.param({"quantity": 1.5}, "invalid", id="a part"),
    ],
)
def test_what_cannot_be_bought_is_told_and_makes_nothing(
    client: Client,
    user_id: UUID,
    account: stripe.StripeClient,
    body: dict[str, Any],
    code: str,
) -> None:
    response = client.post(PATH, json={"plan": "pro", **body}, headers=auth(user_id))

    assert (response.status_code, response.json["code"]) == (422, code)
    assert account.v1.checkout.sessions.list().data == []


def test_already_on_the_plan_the_portal_is_named_as_the_way_on(
    client: Client, pro_id: UUID
) -> None:
    response = client.post(PATH, json={"plan": "pro"}, headers=auth(pro_id))

    assert (response.status_code, response.json["code"]) == (409, "already_subscribed")
    assert response.json["portal"] == "/v1/subscription/portal"


@pytest.fixture
def in_euros(shop: None, config: Config) -> None:
    """Pro is sold in a second currency."""
    offered = [FREE, replace(PRO, prices=(*PRO.prices, OfferedPrice("month", "eur", 2_700)))]
    with transaction():
        seed.seed(offered, config.default_currency)
    apply.apply([*offered, ENTERPRISE])


@pytest.mark.usefixtures("in_euros")
def test_the_wished_currency_is_charged(user_id: UUID, account: stripe.StripeClient) -> None:
    opened = open_checkout(user_id, "pro", currency="eur")

    session = account.v1.checkout.sessions.retrieve(opened.session_id)
    assert (session.currency, session.amount_total) == ("eur", 2_700)


@pytest.mark.usefixtures("in_euros")
def test_a_customers_own_currency_stands(
    user_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    pay(open_checkout(user_id, "pro", currency="eur").url)
    end_everything(account, user_id)

    again = open_checkout(user_id, "pro")

    assert account.v1.checkout.sessions.retrieve(again.session_id).currency == "eur"
    with pytest.raises(CurrencyMismatch):
        open_checkout(user_id, "pro", currency="usd")


def test_a_customer_deleted_at_stripe_is_told_and_no_second_one_is_made(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    account.v1.customers.delete(customer_of(buyer(user_id)))

    response = client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))

    assert (response.status_code, response.json["code"]) == (409, "customer_deleted")
    assert account.v1.customers.list().data == []


def test_a_customer_known_as_deleted_is_not_asked_for(user_id: UUID, account: Any) -> None:
    customer_id = customer_of(buyer(user_id))
    with transaction() as session:
        session.execute(
            sa.update(StripeCustomer).where(StripeCustomer.id == customer_id).values(deleted=True)
        )

    with pytest.raises(CustomerDeleted):
        open_checkout(user_id, "pro")


class TestBySetting:
    """What an operator may want otherwise."""

    @pytest.fixture
    def config(self, config: Config) -> Config:
        return replace(
            config,
            billing_mode=BillingMode.CLASSIC,
            trial_without_card=TrialWithoutCard.PAUSE,
            promotion_codes=True,
            automatic_tax=True,
            tax_ids=True,
        )

    def test_mode_trial_codes_and_taxes_are_as_set(
        self, app: Flask, user_id: UUID, emulator: Emulator
    ) -> None:
        offer_trial(7)

        open_checkout(user_id, "pro")

        told = asked(emulator)
        data = told["subscription_data"]
        assert data["billing_mode"] == {"type": "classic"}
        assert data["trial_settings"]["end_behavior"] == {"missing_payment_method": "pause"}
        assert told["allow_promotion_codes"] == "true"
        assert told["automatic_tax"] == told["tax_id_collection"] == {"enabled": "true"}
        assert told["customer_update"] == {"address": "auto", "name": "auto"}
