"""Does the portal open for its customer alone, and allow what we mean it to?"""

from typing import Any
from uuid import UUID

import pytest
import requests
import stripe

from billing.emulator import Emulator
from tests.support.factories import a_user, auth
from tests.support.requests import Client

PORTAL = "/v1/subscription/portal"


def sent(emulator: Emulator) -> list[dict[str, Any]]:
    path = "/v1/billing_portal/sessions"
    return [one[2] for one in emulator.requests if (one[0], one[1]) == ("POST", path)]


def test_each_call_opens_a_fresh_page_of_our_one_configuration(
    client: Client, pro_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    first, second = (client.post(PORTAL, json={}, headers=auth(pro_id)) for _ in range(2))

    (configuration,) = account.v1.billing_portal.configurations.list().data
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["url"] != second.json["url"]
    assert requests.get(first.json["url"], timeout=20).status_code == 200
    assert {one["configuration"] for one in sent(emulator)} == {configuration.id}
    assert (configuration.metadata or {})["billing"] == "portal"


@pytest.mark.parametrize("flow", ["payment_method_update", "subscription_cancel"])
def test_a_flow_begins_where_it_is_wanted(
    client: Client, pro_id: UUID, emulator: Emulator, flow: str
) -> None:
    assert client.post(PORTAL, json={"flow": flow}, headers=auth(pro_id)).status_code == 201

    assert sent(emulator)[0]["flow_data"]["type"] == flow


def test_who_never_bought_has_no_portal(client: Client, shop: None) -> None:
    response = client.post(PORTAL, json={}, headers=auth(a_user().id))

    assert (response.status_code, response.json["code"]) == (409, "no_subscription")


def test_without_a_configuration_of_ours_no_page_is_opened(
    client: Client, pro_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    (configuration,) = account.v1.billing_portal.configurations.list().data
    account.v1.billing_portal.configurations.update(configuration.id, {"active": False})

    response = client.post(PORTAL, json={}, headers=auth(pro_id))

    assert (response.status_code, response.json["code"]) == (503, "portal_not_configured")
    assert sent(emulator) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"return_url": "https://evil.example/"}, "return_url_not_allowed", id="url"),
        pytest.param({"flow": "subscription_pause_all"}, "invalid", id="flow"),
        pytest.param({"customer": "cus_1"}, "invalid", id="somebody else's customer"),
    ],
)
def test_what_cannot_be_is_told(
    client: Client, pro_id: UUID, emulator: Emulator, body: dict[str, Any], code: str
) -> None:
    response = client.post(PORTAL, json=body, headers=auth(pro_id))

    assert (response.status_code, response.json["code"]) == (422, code)
    assert sent(emulator) == []


def test_a_pause_made_there_is_understood(
    client: Client, pro_id: UUID, account: stripe.StripeClient, service: str, emulator: Emulator
) -> None:
    (configuration,) = account.v1.billing_portal.configurations.list().data
    account.v1.billing_portal.configurations.update(
        configuration.id, {"features": {"subscription_pause": {"enabled": True}}}
    )
    (bought,) = account.v1.subscriptions.list().data
    page = client.post(PORTAL, json={}, headers=auth(pro_id)).json["url"]
    requests.post(f"{page}/pause", {"subscription": bought.id}, timeout=20).raise_for_status()
    assert emulator.wait_idle()

    shown = client.get("/v1/subscription/me", headers=auth(pro_id)).json

    assert (shown["plan"], shown["reason"]) == ("free", "paused")
