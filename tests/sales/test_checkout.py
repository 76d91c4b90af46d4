"""Is the customer sent to pay once, for the right thing, whatever happens on the way?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.errors import NotFound, StripeUnavailable
from billing.models import OpenCheckout, PlanPrice, SubscriptionPlan, User, UserSubscription
from billing.sales import checkout
from billing.sales.buyers import CustomerTaken, buyer, customer_of
from billing.sales.checkout import AlreadySubscribed, ReturnUrlNotAllowed, open_checkout
from billing.sales.offers import NotForSale
from tests.support.factories import a_user, auth
from tests.support.live import pay
from tests.support.requests import Client

pytestmark = pytest.mark.usefixtures("shop")
PATH = "/v1/subscription/checkout"


def posts(emulator: Emulator, path: str) -> list[dict[str, Any]]:
    """The parameters of every POST to this path."""
    return [one[2] for one in emulator.requests if (one[0], one[1]) == ("POST", path)]


def claims() -> list[tuple[str, str | None]]:
    """Every claim of ours, the oldest first: its state and session."""
    with reading() as session:
        rows = session.execute(
            sa.select(OpenCheckout.state, OpenCheckout.stripe_session_id).order_by(
                OpenCheckout.created_at
            )
        ).all()
    return [(row.state, row.stripe_session_id) for row in rows]


def test_the_answer_names_a_page_at_stripe_that_sells_the_plan(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    response = client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))

    assert response.status_code == 201
    session = account.v1.checkout.sessions.retrieve(response.json["session_id"])
    line = account.v1.checkout.sessions.line_items.list(session.id).data[0]
    assert response.json["url"] == session.url
    assert line.price is not None
    assert (line.price.lookup_key, line.quantity) == ("pro_month", 1)
    assert session.client_reference_id == str(user_id)


def test_the_subscription_will_carry_our_user_id(user_id: UUID, emulator: Emulator) -> None:
    open_checkout(user_id, "pro", "year")

    (sent,) = posts(emulator, "/v1/checkout/sessions")
    assert sent["subscription_data"]["metadata"]["user_id"] == str(user_id)
    assert sent["mode"] == "subscription"


def test_asked_again_it_is_the_same_session(user_id: UUID, emulator: Emulator) -> None:
    first = open_checkout(user_id, "pro")

    assert open_checkout(user_id, "pro") == first
    assert len(posts(emulator, "/v1/checkout/sessions")) == 1


def test_another_plan_supersedes_the_open_session(
    user_id: UUID, account: stripe.StripeClient
) -> None:
    first = open_checkout(user_id, "pro")

    second = open_checkout(user_id, "enterprise")

    assert account.v1.checkout.sessions.retrieve(first.session_id).status == "expired"
    assert claims() == [("expired", first.session_id), ("open", second.session_id)]


def test_another_return_address_supersedes_the_open_session(user_id: UUID) -> None:
    first = open_checkout(user_id, "pro")

    second = open_checkout(user_id, "pro", success_url="http://127.0.0.1:5000/welcome")

    assert second.session_id != first.session_id


def test_an_earlier_session_that_was_paid_meanwhile_is_not_superseded(
    user_id: UUID, emulator: Emulator
) -> None:
    emulator.faults.hold = True
    pay(open_checkout(user_id, "pro").url)

    with pytest.raises(AlreadySubscribed):
        open_checkout(user_id, "enterprise")

    with reading() as session:
        assert session.scalars(sa.select(UserSubscription.status)).all() == ["active"]


def test_a_paid_checkout_is_a_subscription_and_no_second_one_is_sold(
    client: Client, user_id: UUID, service: str, emulator: Emulator
) -> None:
    pay(open_checkout(user_id, "pro").url)
    assert emulator.wait_idle()

    response = client.post(PATH, json={"plan": "enterprise"}, headers=auth(user_id))

    assert response.status_code == 409
    assert response.json["code"] == "already_subscribed"
    assert [state for state, _ in claims()] == ["complete"]


def test_with_every_event_lost_stripe_itself_is_asked_before_selling(
    user_id: UUID, emulator: Emulator
) -> None:
    """A stale read of ours must not sell a second subscription."""
    pay(open_checkout(user_id, "pro").url)

    with pytest.raises(AlreadySubscribed):
        open_checkout(user_id, "pro")

    with reading() as session:
        assert session.scalars(sa.select(UserSubscription.status)).all() == ["active"]


def test_after_the_end_the_plan_can_be_bought_again(
    user_id: UUID, service: str, emulator: Emulator, account: stripe.StripeClient
) -> None:
    pay(open_checkout(user_id, "pro").url)
    (bought,) = account.v1.subscriptions.list().data
    account.v1.subscriptions.cancel(bought.id)
    assert emulator.wait_idle()

    assert open_checkout(user_id, "pro").url


def test_fifty_at_once_make_one_customer_and_one_session(
    app: Flask, user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    def call(number: int) -> str:
        with app.app_context():
            return open_checkout(user_id, "pro").session_id

    with ThreadPoolExecutor(16) as pool:
        sessions = set(pool.map(call, range(50)))

    assert len(sessions) == 1
    assert len(account.v1.customers.list().data) == 1
    assert len(account.v1.checkout.sessions.list().data) == 1


def test_two_plans_at_once_leave_one_open_session(
    app: Flask, user_id: UUID, account: stripe.StripeClient
) -> None:
    def call(number: int) -> str | None:
        with app.app_context():
            try:
                return open_checkout(user_id, ("pro", "enterprise")[number % 2]).session_id
            except checkout.Conflict:
                return None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))

    open_ones = [one for one in account.v1.checkout.sessions.list().data if one.status == "open"]
    assert len(open_ones) == 1
    assert [state for state, _ in claims()].count("open") == 1


def test_a_crash_before_the_session_is_stored_leads_to_the_same_session(
    user_id: UUID, emulator: Emulator
) -> None:
    first = open_checkout(user_id, "pro")
    with transaction() as session:
        session.execute(sa.update(OpenCheckout).values(stripe_session_id=None, url=None))

    assert open_checkout(user_id, "pro").session_id == first.session_id


def test_a_crash_before_the_link_is_stored_leads_to_the_same_customer(
    user_id: UUID, account: stripe.StripeClient
) -> None:
    first = customer_of(buyer(user_id))
    with transaction() as session:
        session.execute(sa.update(User).values(stripe_customer_id=None))

    assert customer_of(buyer(user_id)) == first
    assert len(account.v1.customers.list().data) == 1


def test_when_stripe_fails_in_the_middle_a_retry_is_safe_and_makes_one_session(
    client: Client, user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    customer_of(buyer(user_id))
    emulator.faults.api_status = [500] * 8

    failed = client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))
    emulator.faults.api_status = []
    retried = client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))

    assert (failed.status_code, failed.json["code"]) == (503, "stripe_unavailable")
    assert "Retry-After" in failed.headers
    assert retried.status_code == 201
    assert len(account.v1.checkout.sessions.list().data) == 1


def test_somebody_elses_customer_is_never_taken(
    user_id: UUID, emulator: Emulator, account: stripe.StripeClient
) -> None:
    made = customer_of(buyer(user_id))
    with transaction() as session:
        session.execute(sa.update(User).values(stripe_customer_id=None))
    a_user(email="other@example.com", stripe_customer_id=made)

    with pytest.raises(CustomerTaken):
        customer_of(buyer(user_id))


def take_off_sale(session: Any) -> None:
    session.execute(
        sa.update(SubscriptionPlan).where(SubscriptionPlan.name == "pro").values(is_active=False)
    )


def close_prices(session: Any) -> None:
    session.execute(sa.update(PlanPrice).values(active=False))


@pytest.mark.parametrize(
    "spoil", [pytest.param(take_off_sale, id="plan"), pytest.param(close_prices, id="price")]
)
def test_what_is_not_on_sale_is_not_sold(user_id: UUID, spoil: Callable[[Any], None]) -> None:
    with transaction() as session:
        spoil(session)

    with pytest.raises(NotForSale):
        open_checkout(user_id, "pro")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"plan": "gold"}, 404, "not_found", id="unknown plan"),
        pytest.param({"plan": "free"}, 422, "not_for_sale", id="free plan"),
        pytest.param({"plan": "pro", "interval": "week"}, 422, "invalid", id="unknown interval"),
        pytest.param({}, 422, "invalid", id="no plan"),
        pytest.param({"plan": 7}, 422, "invalid", id="a number"),
        pytest.param({"plan": "pro", "price": "price_1"}, 422, "invalid", id="unknown field"),
        pytest.param(
            {"plan": "pro", "success_url": "https://evil.example/"},
            422,
            "return_url_not_allowed",
            id="foreign return address",
        ),
        pytest.param(
            {"plan": "pro", "cancel_url": "http://127.0.0.1:5000@evil.example/"},
            422,
            "return_url_not_allowed",
            id="an origin as the user name",
        ),
        pytest.param(
            {"plan": "pro", "cancel_url": "javascript:alert(1)"}, 422, "invalid", id="a script"
        ),
    ],
)
def test_what_cannot_be_sold_is_told_and_makes_nothing_at_stripe(
    client: Client,
    user_id: UUID,
    emulator: Emulator,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    response = client.post(PATH, json=body, headers=auth(user_id))

    assert (response.status_code, response.json["code"]) == (status, code)
    assert posts(emulator, "/v1/checkout/sessions") == []
    assert posts(emulator, "/v1/customers") == []


def test_without_a_token_nothing_is_sold(client: Client) -> None:
    assert client.post(PATH, json={"plan": "pro"}).status_code == 401


def test_a_user_who_is_gone_is_not_found() -> None:
    with pytest.raises(NotFound):
        open_checkout(UUID(int=7), "pro")


def test_an_allowed_return_address_reaches_stripe(user_id: UUID, emulator: Emulator) -> None:
    open_checkout(
        user_id, "pro", success_url="http://127.0.0.1:5000/thanks?s={CHECKOUT_SESSION_ID}"
    )

    (sent,) = posts(emulator, "/v1/checkout/sessions")
    assert sent["success_url"] == "http://127.0.0.1:5000/thanks?s={CHECKOUT_SESSION_ID}"


def test_a_foreign_return_address_raises() -> None:
    with pytest.raises(ReturnUrlNotAllowed):
        checkout.allowed("//evil.example/")


def test_a_dead_stripe_is_told_as_unavailable(user_id: UUID, emulator: Emulator) -> None:
    emulator.faults.api_reset = 99

    with pytest.raises(StripeUnavailable):
        open_checkout(user_id, "pro")
