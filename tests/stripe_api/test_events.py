"""What does the door let in? Signatures, and what is signed but is no event."""

import json
import time

import pytest
from stripe import WebhookSignature

from billing.stripe_api.events import BadSignature, Event, MalformedEvent, verified_event

SECRET = "whsec_the_first_of_two_secrets"
OTHER = "whsec_the_second_of_two_secrets"
BODY = json.dumps({"id": "evt_1", "type": "customer.updated", "created": 5, "data": {}})


def signature(body: str = BODY, *, secret: str = SECRET, age: int = 0) -> str:
    at = int(time.time()) - age
    return WebhookSignature.generate_signature_header(body, secret, timestamp=at)


def test_a_signature_of_any_configured_secret_is_accepted() -> None:
    event = verified_event(BODY.encode(), signature(secret=OTHER), [SECRET, OTHER])

    assert (event.id, event.type, event.created) == ("evt_1", "customer.updated", 5)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="missing"),
        pytest.param("t=1,v1=00", id="forged"),
        pytest.param("t=soon,v1=00", id="unreadable"),
        pytest.param("v1=00", id="without a time"),
        pytest.param("t=1,v0=00", id="of another scheme"),
        pytest.param("t=1,v1=é", id="outside ascii"),
        pytest.param(signature(secret="whsec_somebody_elses_secret"), id="of another secret"),
        pytest.param(signature(BODY + " "), id="of another body"),
        pytest.param(signature(age=301), id="too old"),
        pytest.param(signature(age=-86_400), id="from the future"),
    ],
)
def test_any_other_signature_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        verified_event(BODY.encode(), header, [SECRET])


def test_a_signature_just_within_the_tolerance_is_accepted() -> None:
    assert verified_event(BODY.encode(), signature(age=290), [SECRET]).id == "evt_1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("not json", id="not json"),
        pytest.param("[]", id="an array"),
        pytest.param('"text"', id="a text"),
        pytest.param('{"type": "customer.updated"}', id="no id"),
        pytest.param('{"id": "evt_1"}', id="no type"),
        pytest.param('{"id": "", "type": "customer.updated"}', id="an empty id"),
        pytest.param('{"id": 7, "type": "customer.updated"}', id="a number for an id"),
    ],
)
def test_a_signed_body_that_is_no_event_is_malformed(body: str) -> None:
    with pytest.raises(MalformedEvent):
        verified_event(body.encode(), signature(body), [SECRET])


def test_a_body_that_is_not_utf_8_is_malformed() -> None:
    with pytest.raises(MalformedEvent):
        verified_event(b"\xff\xfe", signature(), [SECRET])


def test_a_thin_event_is_known_by_its_object() -> None:
    thin = {"id": "evt_1", "object": "v2.core.event", "type": "v1.customer.updated", "created": "x"}

    event = Event.parse(json.dumps(thin))

    assert event.is_thin
    assert event.created is None
    assert event.object == {}


def test_an_event_of_a_connected_account_or_context_says_whose_it_is() -> None:
    told = {"id": "evt_1", "type": "customer.updated"}

    assert Event.parse(json.dumps(told | {"account": "acct_1"})).account == "acct_1"
    assert Event.parse(json.dumps(told | {"context": "acct_2"})).account == "acct_2"
    assert Event.parse(json.dumps(told)).account is None
