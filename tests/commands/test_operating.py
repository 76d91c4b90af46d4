"""Can an operator see what came in, and mend it, with one command?"""

import json
from typing import Any

import pytest
import sqlalchemy as sa
import stripe
from click.testing import Result
from flask import Flask

from billing.catalog import plans, seed
from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.models import EventState, PlanPrice, StripeEvent, SubscriptionPlan, UserSubscription
from config import Config
from tests.support.events import stripe_event
from tests.support.factories import a_plan
from tests.support.requests import Client
from tests.support.stripe_objects import a_stripe_subscription


def run(app: Flask, *words: str) -> Result:
    """Run `flask billing ...` as an operator does."""
    return app.test_cli_runner().invoke(args=["billing", *words])


@pytest.fixture
def account(emulator: Emulator) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})


@pytest.fixture
def subscriber(account: stripe.StripeClient) -> stripe.Subscription:
    """A subscription at Stripe whose price says nothing about a plan."""
    product = account.v1.products.create({"name": "Something"})
    price = account.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 500,
            "recurring": {"interval": "month"},
        }
    )
    customer = account.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    return account.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}]}
    )


def told(client: Client, **values: Any) -> str:
    """Let an event come in; return its id."""
    event = stripe_event("customer.subscription.updated", a_stripe_subscription(**values))
    client.post_event(event)
    return str(event["id"])


def state_of(event_id: str) -> EventState:
    with reading() as session:
        return session.scalars(
            sa.select(StripeEvent.state).where(StripeEvent.stripe_event_id == event_id)
        ).one()


@pytest.mark.usefixtures("emulator")
def test_events_can_be_listed_by_state_type_and_customer(app: Flask, client: Client) -> None:
    dead = told(client, customer="cus_nobody")
    client.post_event(stripe_event("payout.paid", {"id": "po_1"}))

    def listed(*choice: str) -> list[str]:
        return [
            row["event"] for row in json.loads(run(app, "events", "list", "--json", *choice).output)
        ]

    assert len(listed()) == 2
    assert listed("--state", "dead") == [dead]
    assert listed("--customer", "cus_nobody") == [dead]
    assert listed("--type", "payout.refused") == []
    assert len(listed("--limit", "1")) == 1


@pytest.mark.usefixtures("emulator")
def test_the_list_for_people_names_event_state_and_error(app: Flask, client: Client) -> None:
    event_id = told(client, customer="cus_nobody")

    output = run(app, "events", "list").output

    assert event_id in output
    assert "dead" in output
    assert "no such object" in output


@pytest.mark.usefixtures("emulator")
def test_an_event_is_shown_with_its_body(app: Flask, client: Client) -> None:
    event_id = told(client, customer="cus_nobody")

    output = run(app, "events", "show", event_id).output

    assert '"state": "dead"' in output
    assert '"customer": "cus_nobody"' in output


def test_an_event_that_never_came_cannot_be_shown(app: Flask) -> None:
    result = run(app, "events", "show", "evt_never")

    assert result.exit_code == 1
    assert "not in the inbox" in result.output


def test_a_dead_event_is_done_by_a_replay_once_stripe_answers(
    app: Flask, client: Client, emulator: Emulator, subscriber: stripe.Subscription
) -> None:
    event_id = told(client, customer=subscriber.customer)
    with transaction() as session:
        session.execute(sa.update(StripeEvent).values(state=EventState.DEAD))

    result = run(app, "events", "replay", "--state", "dead", "--json")

    assert json.loads(result.output) == {event_id: "done"}
    assert state_of(event_id) is EventState.DONE


def test_a_replay_of_what_is_done_changes_nothing(
    app: Flask, client: Client, emulator: Emulator, subscriber: stripe.Subscription
) -> None:
    event_id = told(client, customer=subscriber.customer)
    asked = len(emulator.requests)

    result = run(app, "events", "replay", event_id)

    assert result.exit_code == 0
    assert state_of(event_id) is EventState.DONE
    assert len(emulator.requests) == asked


def test_a_replay_of_an_event_that_never_came_says_so(app: Flask) -> None:
    result = run(app, "events", "replay", "evt_never")

    assert result.exit_code == 1
    assert "unknown" in result.output


def test_a_replay_of_everything_must_be_asked_for(app: Flask) -> None:
    assert run(app, "events", "replay").exit_code == 2


def test_a_customer_is_brought_to_stripes_truth(
    app: Flask, emulator: Emulator, subscriber: stripe.Subscription
) -> None:
    result = run(app, "refresh", str(subscriber.customer))

    assert result.exit_code == 0
    with reading() as session:
        assert session.scalars(sa.select(UserSubscription.status)).all() == ["active"]


@pytest.mark.usefixtures("emulator")
def test_a_refresh_of_nobody_fails_and_says_why(app: Flask) -> None:
    result = run(app, "refresh", "cus_nobody")

    assert result.exit_code == 1
    assert "no such object" in result.output


def test_a_price_mapped_by_hand_gives_its_holders_the_plan(
    app: Flask, emulator: Emulator, subscriber: stripe.Subscription
) -> None:
    pro = a_plan("pro")
    run(app, "refresh", str(subscriber.customer))

    result = run(app, "map-price", subscriber["items"].data[0].price.id, "pro")

    assert result.exit_code == 0, result.output
    assert "customers refreshed: 1" in result.output
    with reading() as session:
        assert session.scalars(sa.select(UserSubscription.plan_id)).all() == [pro.id]


@pytest.mark.usefixtures("emulator")
def test_a_price_cannot_be_mapped_to_a_plan_that_is_not(app: Flask) -> None:
    result = run(app, "map-price", "price_1", "gold")

    assert result.exit_code == 1
    assert "no plan 'gold'" in result.output


def test_the_catalogue_is_made_once_and_then_complete(
    app: Flask, config: Config, account: stripe.StripeClient
) -> None:
    with transaction():
        seed.seed(plans.load(), config.default_currency)

    before = run(app, "catalog", "check")
    first = json.loads(run(app, "catalog", "apply", "--json").output)["made"]
    second = json.loads(run(app, "catalog", "apply", "--json").output)["made"]

    assert before.exit_code == 1
    assert "pro_month" in before.output
    assert sorted(first) == ["enterprise_month", "enterprise_year", "pro_month", "pro_year"]
    assert second == []
    assert run(app, "catalog", "check").exit_code == 0
    assert len(account.v1.prices.list().data) == 4
    with reading() as session:
        sold = session.execute(
            sa.select(SubscriptionPlan.name, PlanPrice.interval, PlanPrice.unit_amount)
            .join(PlanPrice)
            .order_by(SubscriptionPlan.rank, PlanPrice.interval)
        ).all()
    assert [tuple(row) for row in sold] == [
        ("pro", "month", 2900),
        ("pro", "year", 29000),
        ("enterprise", "month", 29900),
        ("enterprise", "year", 299000),
    ]


def test_a_catalogue_cut_off_half_way_is_completed_without_twins(
    app: Flask, config: Config, account: stripe.StripeClient, emulator: Emulator
) -> None:
    with transaction():
        seed.seed(plans.load(), config.default_currency)
    run(app, "catalog", "apply")
    lost = account.v1.prices.list({"lookup_keys": ["pro_year"]}).data[0]
    account.v1.prices.update(lost.id, {"active": False, "lookup_key": ""})

    run(app, "catalog", "apply")

    products = account.v1.products.list({"active": True}).data
    assert sorted(product.name for product in products) == ["Enterprise", "Pro"]
    assert run(app, "catalog", "check").exit_code == 0
