"""Is Stripe brought to what plans.toml says, without twins, and nothing lost that is held?"""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
import stripe
from click.testing import Result
from flask import Flask

from billing.catalog import apply, plans, seed
from billing.catalog.plans import OfferedPlan, OfferedPrice
from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.errors import StripeUnavailable
from billing.models import PlanPrice, SubscriptionPlan
from billing.stripe_api import transport
from config import Config
from tests.support.factories import a_plan, a_subscription, a_user

FREE, PRO, ENTERPRISE = plans.load()


@pytest.fixture
def account(emulator: Emulator) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})


@pytest.fixture
def sold(app: Flask, config: Config, emulator: Emulator) -> None:
    """Everything of plans.toml, at Stripe and here."""
    with transaction():
        seed.seed(plans.load(), config.default_currency)
    apply.apply(plans.load())


def costing(plan: OfferedPlan, amount: int) -> OfferedPlan:
    """The plan, by the month alone and for that much."""
    return replace(plan, prices=(OfferedPrice("month", "usd", amount),))


def texts(offered: list[OfferedPlan]) -> list[str]:
    return [step.text for step in apply.plan(offered)]


def by_key(account: stripe.StripeClient) -> dict[str | None, stripe.Price]:
    found = account.v1.prices.list({"active": True, "limit": 100}).data
    return {price.lookup_key: price for price in found}


@pytest.mark.usefixtures("sold")
def test_applied_once_nothing_is_left_to_do(emulator: Emulator) -> None:
    before = len(emulator.requests)

    assert apply.plan(plans.load()) == []
    assert apply.apply(plans.load()) == []
    assert {one[0] for one in emulator.requests[before:]} == {"GET"}


def test_a_plan_changes_nothing(app: Flask, emulator: Emulator) -> None:
    assert len(apply.plan(plans.load())) > 10
    assert {one[0] for one in emulator.requests} == {"GET"}


@pytest.mark.usefixtures("sold")
def test_features_are_attached_to_the_products(account: stripe.StripeClient) -> None:
    product = next(one for one in account.v1.products.list().data if one.name == "Pro")

    attached = account.v1.products.features.list(product.id).data

    assert {one.entitlement_feature.lookup_key for one in attached} == set(PRO.features)


@pytest.mark.usefixtures("sold")
def test_a_feature_that_is_given_no_more_is_detached(account: stripe.StripeClient) -> None:
    product = next(one for one in account.v1.products.list().data if one.name == "Pro")

    apply.apply([FREE, replace(PRO, features=("dashboard",)), ENTERPRISE])

    attached = account.v1.products.features.list(product.id).data
    assert [one.entitlement_feature.lookup_key for one in attached] == ["dashboard"]


@pytest.mark.usefixtures("sold")
def test_another_amount_is_a_new_price_under_the_same_key(account: stripe.StripeClient) -> None:
    old = by_key(account)["pro_month"]

    apply.apply([FREE, costing(PRO, 3_900), ENTERPRISE])

    new = by_key(account)["pro_month"]
    assert (new.unit_amount, new.id != old.id) == (3_900, True)
    assert account.v1.prices.retrieve(old.id).unit_amount == 2_900
    assert account.v1.prices.retrieve(old.id).active is False


@pytest.mark.usefixtures("sold")
def test_a_price_that_is_sold_no_more_keeps_mapping_to_its_plan(
    account: stripe.StripeClient,
) -> None:
    old = by_key(account)["pro_month"]

    apply.apply([FREE, costing(PRO, 3_900), ENTERPRISE])

    with reading() as session:
        held = session.execute(
            sa.select(SubscriptionPlan.name, PlanPrice.active)
            .join(PlanPrice)
            .where(PlanPrice.stripe_price_id == old.id)
        ).one()
    assert tuple(held) == ("pro", False)


@pytest.mark.usefixtures("sold")
def test_there_and_back_again_is_done_each_time(account: stripe.StripeClient) -> None:
    """Worded as the first time, it is another intent: its key must be another."""
    for amount in (3_900, 2_900, 3_900):
        apply.apply([FREE, costing(PRO, amount), ENTERPRISE])

        price = by_key(account)["pro_month"]
        assert price.unit_amount == amount


@pytest.mark.usefixtures("sold")
def test_a_price_made_by_hand_is_left_alone(account: stripe.StripeClient) -> None:
    product = by_key(account)["pro_month"].product
    special = account.v1.prices.create(
        {
            "product": str(product),
            "currency": "usd",
            "unit_amount": 100,
            "recurring": {"interval": "month"},
        }
    )

    assert apply.apply(plans.load()) == []
    assert account.v1.prices.retrieve(special.id).active is True


@pytest.mark.usefixtures("sold")
def test_another_name_changes_the_product(account: stripe.StripeClient) -> None:
    apply.apply([FREE, replace(PRO, display_name="Pro plus"), ENTERPRISE])

    assert "Pro plus" in {one.name for one in account.v1.products.list().data}
    assert len(account.v1.products.list().data) == 2


@pytest.mark.usefixtures("sold")
def test_a_second_currency_has_prices_of_its_own(account: stripe.StripeClient) -> None:
    euros = replace(PRO, prices=(*PRO.prices, OfferedPrice("month", "eur", 2_700)))

    apply.apply([FREE, euros, ENTERPRISE])

    assert by_key(account)["pro_month_eur"].unit_amount == 2_700
    with reading() as session:
        assert (
            session.scalar(
                sa.select(SubscriptionPlan.name)
                .join(PlanPrice)
                .where(PlanPrice.lookup_key == "pro_month_eur")
            )
            == "pro"
        )


@pytest.mark.usefixtures("sold")
def test_the_portal_allows_a_switch_among_our_prices_alone(account: stripe.StripeClient) -> None:
    (configuration,) = account.v1.billing_portal.configurations.list().data

    features = configuration.features
    switch = features.subscription_update
    offered = {price for product in switch.products or [] for price in product.prices}
    assert offered == {price.id for price in by_key(account).values()}
    assert features.invoice_history.enabled
    assert features.payment_method_update.enabled
    assert (features.subscription_cancel.mode, features.subscription_pause.enabled) == (
        "at_period_end",
        False,
    )


@pytest.mark.usefixtures("sold")
def test_a_portal_changed_by_hand_is_named_and_mended(account: stripe.StripeClient) -> None:
    (configuration,) = account.v1.billing_portal.configurations.list().data
    account.v1.billing_portal.configurations.update(
        configuration.id, {"features": {"subscription_pause": {"enabled": True}}}
    )

    named = texts(list(plans.load()))
    apply.apply(plans.load())

    (mended,) = account.v1.billing_portal.configurations.list().data
    assert named == ["~ portal configuration: subscription_pause"]
    assert mended.features.subscription_pause.enabled is False


@pytest.mark.parametrize("after", [1, 4, 8, 13, 19, 26, 34, 43])
def test_cut_off_after_any_call_it_is_completed_by_running_it_again(
    app: Flask,
    config: Config,
    emulator: Emulator,
    account: stripe.StripeClient,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    with transaction():
        seed.seed(plans.load(), config.default_currency)
    emulator.faults.api_status = [0] * after + [500] * 99

    with pytest.raises(StripeUnavailable):
        apply.apply(plans.load())
    emulator.faults.api_status = []
    apply.apply(plans.load())

    assert apply.plan(plans.load()) == []
    assert len(account.v1.products.list().data) == 2
    assert len(account.v1.prices.list({"limit": 100}).data) == 4
    assert len(account.v1.billing_portal.configurations.list().data) == 1


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["billing", "catalog", *words])


@pytest.mark.usefixtures("sold")
def test_check_fails_on_drift_and_names_it(app: Flask, account: stripe.StripeClient) -> None:
    good = run(app, "check")
    account.v1.prices.update(by_key(account)["pro_year"].id, {"active": False})

    bad = run(app, "check")

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "+ price pro_year: 29000 usd" in bad.output


@pytest.mark.usefixtures("sold")
def test_the_plan_tells_how_many_holders_a_change_of_limits_touches(app: Flask) -> None:
    a_subscription(a_user(), a_plan("pro"))
    a_subscription(a_user(), a_plan("pro"))
    with transaction() as session:
        session.execute(
            sa.update(SubscriptionPlan)
            .where(SubscriptionPlan.name == "pro")
            .values(max_jobs_per_month=5, rate_limit_multiplier=Decimal(2))
        )

    told = json.loads(run(app, "plan", "--json").output)
    shown = run(app, "plan").output

    assert told["plans"] == [
        {
            "plan": "pro",
            "fields": ["rate_limit_multiplier", "max_jobs_per_month"],
            "holders": 2,
        }
    ]
    assert "2 holders" in shown


@pytest.mark.usefixtures("sold")
def test_with_nothing_to_do_the_plan_says_so(app: Flask) -> None:
    assert run(app, "plan").output == "Nothing to do.\n"
