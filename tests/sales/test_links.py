"""Does a mailed link sell one plan to one user, and nothing to anybody else?"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import stripe
from flask import Flask
from itsdangerous import URLSafeSerializer

from billing import clock
from billing.sales.buyers import buyer
from billing.sales.links import upgrade_link
from billing.sales.truth import catch_up
from billing.stripe_sync.subjects import Part
from config import Config
from tests.support.factories import auth
from tests.support.live import pay
from tests.support.requests import Client

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, link_seconds=3600)


def path_of(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:5000")


def test_a_click_leads_to_the_payment_without_signing_in(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro", "year")

    answer = client.get(path_of(link.url))

    (session,) = account.v1.checkout.sessions.list().data
    line = account.v1.checkout.sessions.line_items.list(session.id).data[0]
    assert (answer.status_code, answer.headers["Location"]) == (303, session.url)
    assert session.client_reference_id == str(user_id)
    assert line.price is not None
    assert line.price.lookup_key == "pro_year"


def test_nothing_is_made_before_the_click(user_id: UUID, account: stripe.StripeClient) -> None:
    upgrade_link(user_id, "pro")

    assert account.v1.checkout.sessions.list().data == []
    assert account.v1.customers.list().data == []


def test_clicked_twice_it_is_one_open_session(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro")

    first, second = (client.get(path_of(link.url)) for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert len(account.v1.checkout.sessions.list().data) == 1


def test_an_expired_session_is_followed_by_a_fresh_one(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro")
    first = client.get(path_of(link.url)).headers["Location"]
    (session,) = account.v1.checkout.sessions.list().data
    account.v1.checkout.sessions.expire(session.id)
    catch_up(str(buyer(user_id).stripe_customer_id), Part.CHECKOUTS)

    assert client.get(path_of(link.url)).headers["Location"] != first


def test_a_link_whose_plan_was_bought_is_used_up(client: Client, user_id: UUID) -> None:
    link = upgrade_link(user_id, "pro")
    pay(client.get(path_of(link.url)).headers["Location"])

    answer = client.get(path_of(link.url))

    assert answer.status_code == 410
    assert b"not needed any more" in answer.data or b"was used" in answer.data


def test_used_up_it_stays_so_after_the_subscription_has_ended(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro")
    pay(client.get(path_of(link.url)).headers["Location"])
    account.v1.subscriptions.cancel(account.v1.subscriptions.list().data[0].id)
    catch_up(str(buyer(user_id).stripe_customer_id), *Part)

    assert client.get(path_of(link.url)).status_code == 410


def test_an_expired_link_says_so(
    client: Client, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = upgrade_link(user_id, "pro")
    later = clock.utc_now() + timedelta(seconds=3601)
    monkeypatch.setattr(clock, "utc_now", lambda: later)

    answer = client.get(path_of(link.url))

    assert answer.status_code == 410
    assert b"expired" in answer.data
    assert "<h1>This link is no longer good</h1>" in answer.text
    assert "See the plans" in answer.text


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_link_that_was_changed_sells_nothing(
    client: Client, user_id: UUID, account: stripe.StripeClient, place: int
) -> None:
    token = path_of(upgrade_link(user_id, "pro").url).removeprefix("/upgrade/")
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "Q"  # the last one's lower bits say nothing

    answer = client.get("/upgrade/" + "".join(letters))

    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
    assert account.v1.checkout.sessions.list().data == []


def test_what_we_sign_for_something_else_is_no_link(
    app: Flask, client: Client, config: Config, user_id: UUID
) -> None:
    """Single-purpose: the same secret signs other things too."""
    told = [str(user_id), "pro", "month", 1, 9_999_999_999]
    foreign = URLSafeSerializer(config.jwt_secret, salt="something else").dumps(told)

    assert client.get(f"/upgrade/{foreign}").status_code == 404


def test_a_caller_gets_a_link_for_oneself(client: Client, user_id: UUID) -> None:
    response = client.post("/v1/subscription/links", json={"plan": "pro"}, headers=auth(user_id))

    assert response.status_code == 201
    assert client.get(path_of(response.json["url"])).status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"plan": "gold"}, 404, id="unknown plan"),
        pytest.param({"plan": "free"}, 422, id="free plan"),
        pytest.param({"plan": "pro", "interval": "week"}, 422, id="unknown interval"),
        pytest.param({"plan": "pro", "user": "somebody"}, 422, id="for somebody else"),
    ],
)
def test_what_cannot_be_linked_is_told(
    client: Client, user_id: UUID, body: dict[str, str], status: int
) -> None:
    response = client.post("/v1/subscription/links", json=body, headers=auth(user_id))

    assert response.status_code == status


def test_an_operator_makes_a_link_for_a_user(app: Flask, client: Client, user_id: UUID) -> None:
    run = app.test_cli_runner()

    made = run.invoke(args=["billing", "upgrade-link", "buyer@example.com", "pro"])
    unknown = run.invoke(args=["billing", "upgrade-link", "nobody@example.com", "pro"])

    assert client.get(path_of(made.stdout.strip())).status_code == 303
    assert (unknown.exit_code, "no user" in unknown.output) == (1, True)
