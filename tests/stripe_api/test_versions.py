"""What becomes of an event that was made for another API version, or of a hostile one?"""

import json
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from billing.database import reading
from billing.models import EventState, StripeEvent
from billing.stripe_api.events import API_VERSION, Event, MalformedEvent
from tests.support.events import stripe_event
from tests.support.requests import Client
from tests.support.stripe_objects import a_stripe_subscription


def post(client: Client, api_version: str | None, event_type: str = "customer.updated") -> int:
    told = stripe_event(event_type, {"id": None}, api_version=api_version)
    return client.post_event(told).status_code


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "pinned=" in record.getMessage()]


def states() -> list[EventState]:
    with reading() as session:
        return list(session.scalars(sa.select(StripeEvent.state)))


def test_each_other_version_is_warned_of_once(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    old, older = f"2018.{uuid4()}", f"2017.{uuid4()}"  # warned of in no other test

    answers = [post(client, version) for version in (old, old, older, old)]

    assert answers == [200, 200, 200, 200]
    first, second = warnings(caplog)
    assert f"api_version={old} pinned={API_VERSION}" in first
    assert f"api_version={older} pinned={API_VERSION}" in second


@pytest.mark.parametrize(
    ("version", "event_type"),
    [(API_VERSION, "customer.updated"), (f"2016.{uuid4()}", "payout.paid")],
    ids=["the pinned version", "what nobody listens to"],
)
def test_there_is_no_warning_of_what_needs_none(
    client: Client, caplog: pytest.LogCaptureFixture, version: str, event_type: str
) -> None:
    post(client, version, event_type)

    assert warnings(caplog) == []


@pytest.mark.parametrize("created", [None, "1518896523", 1.5, True, 0, -1, 10**12, 10**30])
def test_a_creation_at_a_moment_that_never_was_is_not_told(client: Client, created: Any) -> None:
    event = stripe_event("payout.paid", {"id": "po_1"}, created=created)

    assert client.post_event(event).status_code == 200
    assert Event.parse(json.dumps(event)).created is None


@pytest.mark.parametrize("name", ["id", "type"])
@pytest.mark.parametrize("value", ["e" * 256, "evt\0", "evt\ud800", "evt\n"])
def test_an_event_under_a_name_that_nobody_could_keep_is_malformed(
    client: Client, name: str, value: str
) -> None:
    event = stripe_event("payout.paid", {}, **{name: value})

    response = client.post_event(event)

    assert response.status_code == 400
    assert response.json["code"] == "malformed_event"


def test_a_body_nested_beyond_reading_is_malformed() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    with pytest.raises(MalformedEvent):
        Event.parse(f'{{"id": "evt_1", "type": "payout.paid", "data": {deep}}}')


def test_an_account_that_nobody_could_keep_is_still_not_ours(client: Client) -> None:
    event = stripe_event("customer.updated", {"id": "cus_1"}, account="acct\0\ud800")

    assert client.post_event(event).status_code == 200
    assert states() == [EventState.REFUSED]


@pytest.mark.parametrize("customer", ["cus\0", "cus\ud800", "c" * 256, 10**30])
def test_a_customer_who_can_be_none_makes_the_event_dead(client: Client, customer: Any) -> None:
    told = a_stripe_subscription(customer=customer)

    response = client.post_event(stripe_event("customer.subscription.updated", told))

    assert response.status_code == 200
    assert states() == [EventState.DEAD]
