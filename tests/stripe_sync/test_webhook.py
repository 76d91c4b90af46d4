"""What does Stripe hear from us, and what is kept? Every shape that may come to the door."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
import responses
import sqlalchemy as sa
import stripe
from flask import Flask

from billing.database import moment, reading, transaction
from billing.emulator import Emulator
from billing.models import (
    EventState,
    PlanPrice,
    StripeCustomer,
    StripeEvent,
    StripeEventPayload,
    UserSubscription,
)
from billing.settings import EXTENSION
from billing.stripe_sync import sweep, webhook
from config import Config
from tests.support.events import stripe_event
from tests.support.factories import a_plan
from tests.support.requests import Client, signed
from tests.support.stripe_objects import a_stripe_subscription

SECRET = "whsec_made_up_for_tests_only"


@pytest.fixture
def account(emulator: Emulator) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})


@pytest.fixture
def subscription(app: Flask, account: stripe.StripeClient) -> dict[str, Any]:
    """A real subscription at the emulator, which the service has not heard of."""
    a_plan("pro")
    product = account.v1.products.create({"name": "Pro", "metadata": {"plan": "pro"}})
    price = account.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 2900,
            "lookup_key": "pro_month",
            "recurring": {"interval": "month"},
        }
    )
    customer = account.v1.customers.create(
        {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    made = account.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}]}
    )
    told: dict[str, Any] = made.to_dict(for_json=True)
    return told


def kept(event_id: str) -> tuple[EventState, str | None] | None:
    """What the inbox holds of an event: its state and what went wrong."""
    with reading() as session:
        row = session.execute(
            sa.select(StripeEvent.state, StripeEvent.error).where(
                StripeEvent.stripe_event_id == event_id
            )
        ).first()
    return (row.state, row.error) if row else None


def inbox_size() -> int:
    with reading() as session:
        return session.scalars(sa.select(sa.func.count()).select_from(StripeEvent)).one()


def stored_status() -> str | None:
    with reading() as session:
        return session.scalar(sa.select(UserSubscription.status))


def post_raw(client: Client, body: bytes | str, header: str | None = None) -> Any:
    text = body if isinstance(body, str) else body.decode("latin-1")
    headers = signed(text, SECRET) if header is None else {"Stripe-Signature": header}
    return client.post("/webhooks/stripe", data=body, headers=headers)


def make_due() -> None:
    """Let the pause run out by the database's clock."""
    with transaction() as session:
        session.execute(sa.update(StripeCustomer).values(due_at=moment(-1)))


def test_a_signed_event_becomes_the_right_confirmed_row(
    client: Client, subscription: dict[str, Any]
) -> None:
    event = stripe_event("customer.subscription.created", subscription)

    response = client.post_event(event)

    assert (response.status_code, response.data) == (200, b"")
    assert kept(event["id"]) == (EventState.DONE, None)
    with reading() as session:
        row = session.scalars(sa.select(UserSubscription)).one()
        assert (row.status, row.confirmed, row.quantity) == ("active", True, 1)
        assert row.plan_id is not None


def test_the_body_is_kept_to_the_byte(client: Client) -> None:
    body = '{"id":  "evt_spaced",\n "type": "payout.paid", "data": {"object": {"é": 1.10}}}'

    post_raw(client, body.encode(), signed(body, SECRET)["Stripe-Signature"])

    with reading() as session:
        assert session.scalars(sa.select(StripeEventPayload.body)).one() == body


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="none"),
        pytest.param("t=1,v1=beef", id="forged"),
        pytest.param(
            signed("{}", SECRET, at=int(time.time()) - 900)["Stripe-Signature"], id="of yesterday"
        ),
        pytest.param(
            signed("{}", SECRET, at=int(time.time()) + 9999)["Stripe-Signature"], id="of tomorrow"
        ),
        pytest.param(
            signed("{}", "whsec_of_somebody_else_1")["Stripe-Signature"], id="of another secret"
        ),
    ],
)
def test_an_unverified_body_is_400_and_nothing_is_kept(client: Client, header: str) -> None:
    response = post_raw(client, "{}", header)

    assert response.status_code == 400
    assert response.json["code"] == "bad_signature"
    assert inbox_size() == 0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff\xfe\x00", id="not utf-8"),
        pytest.param(b"no json", id="not json"),
        pytest.param(b"[1, 2]", id="an array"),
        pytest.param(b'{"type": "customer.updated"}', id="without an id"),
        pytest.param(b'{"id": "evt_1"}', id="without a type"),
    ],
)
def test_a_signed_body_that_is_no_event_is_400_with_a_code_of_its_own(
    client: Client, body: bytes
) -> None:
    response = post_raw(client, body)

    assert response.status_code == 400
    assert response.json["code"] == "malformed_event"
    assert inbox_size() == 0


@pytest.mark.parametrize("size", [webhook.BODY_CAP + 1, webhook.BODY_CAP * 4])
def test_a_body_over_the_cap_is_413_and_nothing_is_kept(client: Client, size: int) -> None:
    response = post_raw(client, "x" * size)

    assert response.status_code == 413
    assert response.json["code"] == "body_too_large"
    assert inbox_size() == 0


def test_a_body_just_under_the_cap_is_taken_in(client: Client) -> None:
    filler = "x" * (webhook.BODY_CAP - 200)
    body = json.dumps({"id": "evt_big", "type": "payout.paid", "data": {"object": {"a": filler}}})

    assert post_raw(client, body).status_code == 200
    assert kept("evt_big") == (EventState.IGNORED, None)


def test_an_event_without_an_object_is_kept_as_dead_and_shown_with_its_reason(
    client: Client,
) -> None:
    event = stripe_event("customer.updated", {}, data={})

    assert client.post_event(event).status_code == 200
    assert kept(event["id"]) == (EventState.DEAD, "the event has no data.object")


def test_an_event_whose_object_names_no_customer_is_kept_as_dead(client: Client) -> None:
    told = a_stripe_subscription(customer=None)
    event = stripe_event("customer.subscription.updated", told)

    assert client.post_event(event).status_code == 200
    state = kept(event["id"])
    assert state is not None
    assert state[0] is EventState.DEAD


def test_an_unknown_type_is_kept_as_ignored(client: Client) -> None:
    event = stripe_event("payout.reimagined", {"id": "po_1"})

    assert client.post_event(event).status_code == 200
    assert kept(event["id"]) == (EventState.IGNORED, None)


def test_a_thin_event_is_kept_as_ignored(client: Client) -> None:
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.customer.subscription.updated",
        "created": "2026-11-23T00:00:00.000Z",
        "livemode": False,
        "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
    }

    assert client.post_event(thin).status_code == 200
    assert kept("evt_thin") == (EventState.IGNORED, None)


@pytest.mark.parametrize(
    "top",
    [
        pytest.param({"livemode": True}, id="of live mode"),
        pytest.param({"account": "acct_other"}, id="of a connected account"),
        pytest.param({"context": "acct_other"}, id="of another context"),
    ],
)
def test_what_is_not_ours_is_refused_kept_and_answered_200(
    client: Client, emulator: Emulator, top: dict[str, Any]
) -> None:
    event = stripe_event("customer.subscription.updated", a_stripe_subscription(), **top)

    assert client.post_event(event).status_code == 200
    state = kept(event["id"])
    assert state is not None
    assert state[0] is EventState.REFUSED
    assert emulator.requests == []


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
