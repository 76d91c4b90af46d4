"""What do we send to Stripe, and what becomes of its answers?"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from billing.errors import StripeUnavailable
from billing.stripe_api import transport
from billing.stripe_api.faults import (
    CardDeclined,
    IdempotencyKeyConflict,
    StripeKeyRefused,
    StripeMissing,
    StripeRefused,
)
from billing.stripe_api.gateway import StripeGateway
from config import Config

API = "https://api.stripe.com"
DATE = {"Date": "Mon, 23 Nov 2026 02:00:00 GMT"}
DATE_SECONDS = 1795399200
CONFIG = Config(
    database_url="sqlite://",
    stripe_secret_key="sk_test_gateway",
    stripe_webhook_secrets=("whsec_gateway_tests_only",),
    jwt_secret="a secret that these tests never use",
)


@pytest.fixture
def stripe_http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> StripeGateway:
    monkeypatch.setattr(transport, "FIRST_PAUSE", 0.001)
    return StripeGateway(CONFIG)


def error(kind: str, code: str | None = None, **more: str) -> dict[str, dict[str, str | None]]:
    return {"error": {"type": kind, "code": code, "message": "told by Stripe", **more}}


def a_subscription(number: int, **more: object) -> dict[str, object]:
    return {
        "id": f"sub_{number}",
        "customer": "cus_1",
        "status": "active",
        "items": {"data": [{"id": "si_1", "price": {"id": "price_1", "currency": "usd"}}]},
        **more,
    }


def queries(mock: responses.RequestsMock) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(str(call.request.url)).query) for call in mock.calls]


def test_a_customers_subscriptions_are_listed_with_every_status_to_the_last_page(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    for number, more in ((1, True), (2, False)):
        page = {"data": [a_subscription(number)], "has_more": more}
        stripe_http.get(f"{API}/v1/subscriptions", json=page, headers=DATE)

    found, seen = gateway.subscriptions_of("cus_1")

    assert [one.id for one in found] == ["sub_1", "sub_2"]
    first, second = queries(stripe_http)
    assert first == {
        "customer": ["cus_1"],
        "status": ["all"],
        "limit": ["100"],
        "expand[0]": ["data.schedule"],
    }
    assert second == {**first, "starting_after": ["sub_1"]}
    assert seen.until == DATE_SECONDS + 2
    assert seen.since < DATE_SECONDS


def test_items_that_the_list_cut_off_are_paged_as_well(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    cut = {"data": [], "has_more": True}
    stripe_http.get(
        f"{API}/v1/subscriptions",
        json={"data": [a_subscription(1, items=cut)], "has_more": False},
        headers=DATE,
    )
    items = [{"id": f"si_{n}", "price": {"id": f"price_{n}", "currency": "usd"}} for n in range(12)]
    stripe_http.get(
        f"{API}/v1/subscription_items", json={"data": items, "has_more": False}, headers=DATE
    )

    found, _ = gateway.subscriptions_of("cus_1")

    assert len(found[0].items) == 12


def test_every_call_pins_the_api_version_and_sends_the_key(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1"}, headers=DATE)

    gateway.customer("cus_1")

    sent = stripe_http.calls[0].request.headers
    assert sent["Stripe-Version"] == "2026-10-28.endive"
    assert sent["Authorization"] == "Bearer sk_test_gateway"


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
def test_a_passing_fault_is_tried_again(
    gateway: StripeGateway, stripe_http: responses.RequestsMock, status: int
) -> None:
    stripe_http.get(f"{API}/v1/customers/cus_1", status=status, json=error("api_error"))
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1", "email": "a@example.com"})

    assert gateway.customer("cus_1").email == "a@example.com"


def test_a_fault_that_stays_is_stripe_unavailable_after_four_attempts(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    answer = stripe_http.get(f"{API}/v1/customers/cus_1", status=500, json=error("api_error"))

    with pytest.raises(StripeUnavailable):
        gateway.customer("cus_1")

    assert answer.call_count == 4


def test_a_lost_connection_is_tried_again(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    stripe_http.get(f"{API}/v1/customers/cus_1", body=requests.exceptions.ConnectionError("reset"))
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1"})

    assert gateway.customer("cus_1").id == "cus_1"


def test_stripes_own_word_on_retrying_wins(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    answer = stripe_http.get(
        f"{API}/v1/customers/cus_1",
        status=500,
        json=error("api_error"),
        headers={"Stripe-Should-Retry": "false"},
    )

    with pytest.raises(StripeUnavailable):
        gateway.customer("cus_1")

    assert answer.call_count == 1


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (401, error("invalid_request_error"), StripeKeyRefused),
        (403, error("invalid_request_error"), StripeKeyRefused),
        (404, error("invalid_request_error", "resource_missing", param="id"), StripeMissing),
        (400, error("invalid_request_error", "parameter_unknown", param="x"), StripeRefused),
        (400, error("idempotency_error"), IdempotencyKeyConflict),
        (402, error("card_error", "card_declined"), CardDeclined),
    ],
)
def test_a_lasting_fault_is_told_at_once_for_what_it_is(
    gateway: StripeGateway,
    stripe_http: responses.RequestsMock,
    status: int,
    body: dict[str, object],
    fault: type[Exception],
) -> None:
    answer = stripe_http.get(f"{API}/v1/customers/cus_1", status=status, json=body)

    with pytest.raises(fault):
        gateway.customer("cus_1")

    assert answer.call_count == 1


def test_a_refusal_carries_and_logs_stripes_own_sentence_and_request_id(
    gateway: StripeGateway,
    stripe_http: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = error("invalid_request_error", "amount_too_large", param="amount")
    refused["error"]["message"] = "Amount must be no more than $999,999.99"
    stripe_http.get(
        f"{API}/v1/customers/cus_1", status=400, json=refused, headers={"Request-Id": "req_7"}
    )

    with pytest.raises(StripeRefused) as refusal:
        gateway.customer("cus_1")

    assert refusal.value.reason == "Amount must be no more than $999,999.99"
    assert refusal.value.request_id == "req_7"
    assert "$999,999.99" not in refusal.value.detail
    assert str(refusal.value).endswith("Amount must be no more than $999,999.99")
    assert (
        "stripe.refused method=get path=/v1/customers/cus_1 request_id=req_7 "
        'code=amount_too_large param=amount reason="Amount must be no more than $999,999.99"'
    ) in caplog.messages


def test_an_outage_is_logged_when_it_begins_and_when_it_ends_and_not_in_between(
    gateway: StripeGateway,
    stripe_http: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_once = {"Stripe-Should-Retry": "false"}
    for _ in range(3):
        stripe_http.get(
            f"{API}/v1/customers/cus_1", status=503, json=error("api_error"), headers=at_once
        )
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1"})

    for _ in range(3):
        with pytest.raises(StripeUnavailable):
            gateway.customer("cus_1")
    gateway.customer("cus_1")
    gateway.customer("cus_1")

    words = [message.split()[0] for message in caplog.messages]
    assert words == ["stripe.outage_began", "stripe.outage_ended"]
    assert "seconds=" in caplog.messages[1]


def test_an_answer_that_is_not_json_is_a_passing_fault(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    stripe_http.get(f"{API}/v1/customers/cus_1", body="<html>bad gateway</html>", status=502)
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1"})

    assert gateway.customer("cus_1").id == "cus_1"


def test_no_attempt_begins_after_the_budget_of_the_request(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    def fail_slowly(_: object) -> tuple[int, dict[str, str], str]:
        time.sleep(0.2)
        return 500, {}, json.dumps(error("api_error"))

    stripe_http.add_callback("GET", f"{API}/v1/customers/cus_1", fail_slowly)

    with transport.within(0.1), pytest.raises(StripeUnavailable):
        gateway.customer("cus_1")

    assert len(stripe_http.calls) == 1


def test_an_inner_budget_never_outlives_the_outer_one() -> None:
    with transport.within(1.0), transport.within(60.0):
        left = transport.remaining()

    assert left is not None
    assert left <= 1.0
    assert transport.remaining() is None


def test_a_retried_post_repeats_its_idempotency_key(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    stripe_http.post(f"{API}/v1/customers", status=500, json=error("api_error"))
    stripe_http.post(f"{API}/v1/customers", json={"id": "cus_1"})

    gateway.create_customer(user_id="7", email="a@example.com", idempotency_key="customer:7")

    assert [call.request.headers["Idempotency-Key"] for call in stripe_http.calls] == [
        "customer:7",
        "customer:7",
    ]
    assert stripe_http.calls[1].request.body == "metadata[user_id]=7&email=a%40example.com"


def test_without_a_date_header_the_ceiling_is_later_than_our_own_clock(
    gateway: StripeGateway, stripe_http: responses.RequestsMock
) -> None:
    stripe_http.get(f"{API}/v1/subscriptions", json={"data": [], "has_more": False})

    _, seen = gateway.subscriptions_of("cus_1")

    assert seen.until > time.time() + 2


def test_two_gateways_do_not_share_a_key(stripe_http: responses.RequestsMock) -> None:
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1"})
    stripe_http.get(f"{API}/v1/customers/cus_1", json={"id": "cus_1"})

    StripeGateway(CONFIG).customer("cus_1")
    StripeGateway(replace(CONFIG, stripe_secret_key="sk_test_other")).customer("cus_1")

    keys = [call.request.headers["Authorization"] for call in stripe_http.calls]
    assert keys == ["Bearer sk_test_gateway", "Bearer sk_test_other"]
