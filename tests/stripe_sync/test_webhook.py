"""What does Stripe hear from us, and what is kept? Every shape that may come to the door."""

import json
import time
from typing import Any

import pytest
import sqlalchemy as sa

from billing.database import reading
from billing.emulator import Emulator
from billing.models import (
    EventState,
    StripeEventPayload,
    UserSubscription,
)
from billing.stripe_sync import webhook
from tests.support.events import stripe_event
from tests.support.inbox import inbox_size, kept
from tests.support.requests import Client, signed
from tests.support.stripe_objects import a_stripe_subscription

SECRET = "whsec_made_up_for_tests_only"


def post_raw(client: Client, body: bytes | str, header: str | None = None) -> Any:
    text = body if isinstance(body, str) else body.decode("latin-1")
    headers = signed(text, SECRET) if header is None else {"Stripe-Signature": header}
    return client.post("/webhooks/stripe", data=body, headers=headers)


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


@pytest.mark.parametrize("part", ["t=1=2", "t=x", "t=", "t", "=", "t=1=2=3,v1=0"])
def test_a_signature_header_of_any_shape_is_a_400(client: Client, part: str) -> None:
    body = '{"id": "evt_1", "type": "payout.paid"}'
    good = signed(body, SECRET)["Stripe-Signature"]

    alone, twisted = part, good.replace(",", "=N,", 1)
    answers = [post_raw(client, body.encode(), header).status_code for header in (alone, twisted)]
    beside = post_raw(client, body.encode(), f"{part},{good}").status_code

    assert answers == [400, 400]
    assert beside in {200, 400}


def test_an_event_whose_object_holds_nul_is_durable(client: Client) -> None:
    body = '{"id": "evt_nul", "type": "payout.paid", "data": {"object": {"name": "a\\u0000b"}}}'

    response = post_raw(client, body.encode(), signed(body, SECRET)["Stripe-Signature"])

    assert response.status_code == 200
    assert inbox_size() == 1
