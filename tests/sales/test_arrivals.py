"""Does the page after the payment learn the truth, even when it is faster than the events?"""

from uuid import UUID

import pytest
import stripe

from billing.emulator import Emulator
from billing.sales.checkout import Checkout, open_checkout
from tests.support.factories import a_user, auth
from tests.support.live import pay
from tests.support.requests import Client

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def opened(shop: None, user_id: UUID) -> Checkout:
    """A checkout of pro. No event of it will come."""
    return open_checkout(user_id, "pro")


def state(client: Client, user_id: UUID, opened: Checkout) -> dict[str, object]:
    response = client.get(f"/v1/subscription/checkout/{opened.session_id}", headers=auth(user_id))
    found: dict[str, object] = response.json
    return found


def test_before_the_payment_it_is_pending(client: Client, user_id: UUID, opened: Checkout) -> None:
    assert state(client, user_id, opened) == {"state": "pending", "as_of": None, "retry_after": 1}


def test_back_before_any_event_the_purchase_is_seen_at_once(
    client: Client, user_id: UUID, opened: Checkout
) -> None:
    pay(opened.url)

    seen = state(client, user_id, opened)

    assert (seen["state"], seen["retry_after"]) == ("active", None)
    assert seen["as_of"] is not None
    assert client.get("/v1/subscription/me", headers=auth(user_id)).json["plan"] == "pro"


def test_once_seen_stripe_is_asked_no_more(
    client: Client, user_id: UUID, opened: Checkout, emulator: Emulator
) -> None:
    pay(opened.url)
    state(client, user_id, opened)
    emulator.faults.api_reset = 99

    assert state(client, user_id, opened)["state"] == "active"


def test_an_expired_session_says_so(
    client: Client, user_id: UUID, opened: Checkout, account: stripe.StripeClient
) -> None:
    account.v1.checkout.sessions.expire(opened.session_id)

    assert state(client, user_id, opened) == {
        "state": "expired",
        "as_of": None,
        "retry_after": None,
    }


def test_a_subscription_that_ended_at_once_has_failed(
    client: Client, user_id: UUID, opened: Checkout, account: stripe.StripeClient
) -> None:
    pay(opened.url)
    account.v1.subscriptions.cancel(account.v1.subscriptions.list().data[0].id)

    assert state(client, user_id, opened)["state"] == "failed"


def test_with_stripe_away_what_is_known_is_told(
    client: Client, user_id: UUID, opened: Checkout, emulator: Emulator
) -> None:
    pay(opened.url)
    emulator.faults.api_reset = 99

    assert state(client, user_id, opened)["state"] == "pending"


def test_somebody_elses_session_is_not_found(
    client: Client, user_id: UUID, opened: Checkout
) -> None:
    stranger = a_user(email="stranger@example.com").id

    assert state(client, stranger, opened)["code"] == "not_found"


def test_a_session_that_we_did_not_make_is_not_found(client: Client, user_id: UUID) -> None:
    response = client.get("/v1/subscription/checkout/cs_test_foreign", headers=auth(user_id))

    assert response.status_code == 404
