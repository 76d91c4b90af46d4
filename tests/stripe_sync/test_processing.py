"""What becomes of a kept event when something is missing, gone, slow or refused?"""

import time
from dataclasses import replace
from typing import Any

import pytest
import responses
import sqlalchemy as sa
import stripe
from flask import Flask

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.models import (
    EventState,
    PlanPrice,
    StripeCustomer,
    StripeEvent,
    UserSubscription,
)
from billing.settings import EXTENSION
from billing.stripe_sync import sweep
from config import Config
from tests.support.events import stripe_event
from tests.support.factories import a_plan
from tests.support.inbox import inbox_size, kept, make_due, stored_status
from tests.support.requests import Client
from tests.support.stripe_objects import a_stripe_subscription


def test_a_checkout_of_a_guest_concerns_nobody(client: Client) -> None:
    event = stripe_event("checkout.session.completed", {"id": "cs_1", "customer": None})

    assert client.post_event(event).status_code == 200
    assert kept(event["id"]) == (EventState.IGNORED, None)


def test_a_repeat_is_answered_200_and_does_nothing(
    client: Client, emulator: Emulator, subscription: dict[str, Any]
) -> None:
    event = stripe_event("customer.subscription.created", subscription)
    client.post_event(event)
    asked = len(emulator.requests)

    response = client.post_event(event)

    assert response.status_code == 200
    assert len(emulator.requests) == asked
    assert inbox_size() == 1


def test_a_repeat_of_an_event_that_was_left_behind_runs_it(
    client: Client, subscription: dict[str, Any]
) -> None:
    event = stripe_event("customer.subscription.created", subscription)
    client.post_event(event)
    with transaction() as session:
        session.execute(sa.update(StripeEvent).values(state=EventState.RECEIVED, generation=0))

    client.post_event(event)

    assert kept(event["id"]) == (EventState.DONE, None)


def test_an_event_of_a_customer_never_seen_makes_the_customer(
    client: Client, subscription: dict[str, Any]
) -> None:
    client.post_event(stripe_event("customer.subscription.created", subscription))

    with reading() as session:
        assert session.scalars(sa.select(StripeCustomer.id)).all() == [subscription["customer"]]


def test_an_event_of_a_price_never_seen_follows_its_product(
    client: Client, subscription: dict[str, Any]
) -> None:
    price = subscription["items"]["data"][0]["price"]

    client.post_event(stripe_event("price.updated", price))

    with reading() as session:
        assert session.scalars(sa.select(PlanPrice.stripe_price_id)).all() == [price["id"]]


@pytest.mark.usefixtures("emulator")
def test_an_event_of_a_customer_that_stripe_does_not_know_is_dead_with_the_reason(
    client: Client,
) -> None:
    told = a_stripe_subscription(customer="cus_never_was")
    event = stripe_event("customer.subscription.updated", told)

    assert client.post_event(event).status_code == 200
    state = kept(event["id"])
    assert state is not None
    assert state[0] is EventState.DEAD
    assert "no such object" in (state[1] or "")


def test_a_product_that_is_gone_is_taken_off_sale(
    client: Client, account: stripe.StripeClient, subscription: dict[str, Any]
) -> None:
    price = subscription["items"]["data"][0]["price"]
    client.post_event(stripe_event("price.updated", price))
    with transaction() as session:
        session.execute(sa.update(PlanPrice).values(stripe_product_id="prod_never_was"))

    response = client.post_event(stripe_event("product.deleted", {"id": "prod_never_was"}))

    assert response.status_code == 200
    with reading() as session:
        assert session.scalars(sa.select(PlanPrice.active)).all() == [False]


@pytest.mark.parametrize(
    "statuses",
    [
        pytest.param([401], id="the key was rolled"),
        pytest.param([403], id="a permission is missing"),
        pytest.param([429] * 9, id="too many requests"),
        pytest.param([500] * 9, id="stripe is broken"),
    ],
)
def test_when_stripe_fails_the_answer_is_200_and_the_sweep_heals_it(
    client: Client, emulator: Emulator, subscription: dict[str, Any], statuses: list[int]
) -> None:
    event = stripe_event("customer.subscription.created", subscription)
    emulator.faults.api_status = list(statuses)

    response = client.post_event(event)

    assert response.status_code == 200
    assert kept(event["id"]) == (EventState.QUEUED, None)
    assert stored_status() == "active"  # shown at once, unconfirmed
    emulator.faults.api_status = []
    make_due()
    sweep.sweep()
    assert kept(event["id"]) == (EventState.DONE, None)


def test_when_stripe_is_slow_the_answer_comes_within_the_budget(
    app: Flask, client: Client, emulator: Emulator, subscription: dict[str, Any], config: Config
) -> None:
    app.extensions[EXTENSION] = replace(config, inline_budget=0.3)
    emulator.faults.api_delay = 2.0
    event = stripe_event("customer.subscription.created", subscription)
    began = time.monotonic()

    response = client.post_event(event)

    assert response.status_code == 200
    assert time.monotonic() - began < 1.9
    assert kept(event["id"]) == (EventState.QUEUED, None)


def test_when_the_connection_is_cut_it_is_tried_again_in_the_same_request(
    client: Client, emulator: Emulator, subscription: dict[str, Any]
) -> None:
    emulator.faults.api_reset = 2
    event = stripe_event("customer.subscription.created", subscription)

    client.post_event(event)

    assert kept(event["id"]) == (EventState.DONE, None)


def test_an_answer_that_nobody_can_read_is_200_and_waits_for_one_who_can(client: Client) -> None:
    told = a_stripe_subscription()
    unreadable = {"data": [{"id": "sub_A", "customer": "cus_1"}], "has_more": False}
    event = stripe_event("customer.subscription.created", told)

    with responses.RequestsMock() as stripe_http:
        stripe_http.get("http://127.0.0.1:9/v1/customers/cus_1", json={"id": "cus_1"})
        stripe_http.get("http://127.0.0.1:9/v1/subscriptions", json=unreadable)
        response = client.post_event(event)

    assert response.status_code == 200
    assert kept(event["id"]) == (EventState.QUEUED, None)


def test_in_worker_mode_the_answer_comes_before_any_call_to_stripe(
    app: Flask, client: Client, emulator: Emulator, subscription: dict[str, Any], config: Config
) -> None:
    app.extensions[EXTENSION] = replace(config, processing="worker")
    asked = len(emulator.requests)
    event = stripe_event("customer.subscription.created", subscription)

    response = client.post_event(event)

    assert response.status_code == 200
    assert kept(event["id"]) == (EventState.RECEIVED, None)
    assert len(emulator.requests) == asked
    sweep.sweep(untouched_seconds=0)
    assert kept(event["id"]) == (EventState.DONE, None)


def test_a_deleted_customer_takes_its_subscriptions_along(
    client: Client, account: stripe.StripeClient, subscription: dict[str, Any]
) -> None:
    client.post_event(stripe_event("customer.subscription.created", subscription))
    account.v1.customers.delete(subscription["customer"])

    gone = {"id": subscription["customer"], "object": "customer", "deleted": True}
    response = client.post_event(stripe_event("customer.deleted", gone))

    assert response.status_code == 200
    assert stored_status() == "canceled"


def test_what_is_asked_for_by_name_after_the_list_raises_the_floor_by_its_own_date(
    client: Client,
) -> None:
    """Else a late event between the two answers could be shown over the younger one."""
    a_plan("pro")
    listed, later = "Mon, 23 Nov 2026 02:00:00 GMT", "Mon, 23 Nov 2026 02:00:30 GMT"
    told = a_stripe_subscription()
    event = stripe_event("customer.subscription.updated", told, created=1_795_000_000)

    with responses.RequestsMock() as stripe_http:
        api = "http://127.0.0.1:9/v1"
        stripe_http.get(f"{api}/customers/cus_1", json={"id": "cus_1"}, headers={"Date": listed})
        empty = {"data": [], "has_more": False}
        stripe_http.get(f"{api}/subscriptions", json=empty, headers={"Date": listed})
        stripe_http.get(f"{api}/subscriptions/sub_A", json=told, headers={"Date": later})
        client.post_event(event)

    with reading() as session:
        row = session.execute(sa.select(UserSubscription.floor, UserSubscription.confirmed)).one()
    assert tuple(row) == (1_795_399_230 + 2, True)
