"""Does a mailed link sell one plan to one user, and nothing to anybody else?"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask
from itsdangerous import URLSafeSerializer
from werkzeug.test import TestResponse

from billing import clock
from billing.database import db
from billing.models import OpenCheckout
from billing.sales.buyers import buyer
from billing.sales.links import revoke_links, upgrade_link
from billing.sales.truth import catch_up
from billing.stripe_sync.subjects import Part
from config import Config
from tests.pages.conftest import Surfer, text_of
from tests.support.factories import a_user, auth
from tests.support.live import pay
from tests.support.requests import Client

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, link_seconds=3600)


def path_of(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:5000")


def clicked(client: Client, url: str) -> TestResponse:
    """Open the page of a link and press its button."""
    surfer = Surfer(client)
    shown = surfer.look(path_of(url))
    return surfer.press(path_of(url)) if shown.status_code == 200 else shown


def test_a_click_leads_to_the_payment_without_signing_in(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro", "year")

    answer = clicked(client, link.url)

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


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_scanner_that_opens_the_link_changes_nothing(
    client: Client, user_id: UUID, account: stripe.StripeClient, method: str
) -> None:
    link = upgrade_link(user_id, "pro")
    opened = account.v1.checkout.sessions.list

    answers = [client.open(path_of(link.url), method=method) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert opened().data == account.v1.customers.list().data == []
    assert db.session.scalars(sa.select(OpenCheckout)).all() == []


def test_a_scanner_leaves_the_open_checkout_of_the_buyer_open(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    clicked(client, upgrade_link(user_id, "pro", "year").url)

    client.get(path_of(upgrade_link(user_id, "pro").url))

    (session,) = account.v1.checkout.sessions.list().data
    assert session.status == "open"


def test_a_form_of_another_site_opens_no_checkout(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    answer = client.post(path_of(upgrade_link(user_id, "pro").url))

    assert answer.status_code == 403
    assert account.v1.checkout.sessions.list().data == []


def test_the_page_shows_what_is_sold(client: Client, user_id: UUID) -> None:
    page = text_of(client.get(path_of(upgrade_link(user_id, "pro", "year").url)))

    assert "Upgrade to Pro" in page
    assert "a year" in page


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_revoked_link_says_so_and_sells_nothing(
    client: Client, user_id: UUID, account: stripe.StripeClient, method: str
) -> None:
    surfer, link = Surfer(client), path_of(upgrade_link(user_id, "pro").url)
    surfer.look(link)
    revoked = client.delete("/v1/subscription/links", headers=auth(user_id))

    answer = client.get(link) if method == "GET" else surfer.press(link)

    assert (revoked.status_code, answer.status_code) == (204, 410)
    assert "This link was revoked." in text_of(answer)
    assert account.v1.checkout.sessions.list().data == []


def test_a_link_made_after_the_others_were_revoked_is_good(client: Client, user_id: UUID) -> None:
    revoke_links(user_id)
    revoke_links(user_id)

    assert clicked(client, upgrade_link(user_id, "pro").url).status_code == 303


def test_revoking_takes_nothing_from_another_user(client: Client, user_id: UUID) -> None:
    link = upgrade_link(user_id, "pro")

    revoke_links(a_user().id)

    assert clicked(client, link.url).status_code == 303


def test_an_operator_revokes_the_links_of_a_user(app: Flask, client: Client, user_id: UUID) -> None:
    link, run = upgrade_link(user_id, "pro"), app.test_cli_runner()

    done = run.invoke(args=["billing", "revoke-links", "buyer@example.com"])

    assert (done.exit_code, client.get(path_of(link.url)).status_code) == (0, 410)


def test_clicked_twice_it_is_one_open_session(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro")

    first, second = (clicked(client, link.url) for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert len(account.v1.checkout.sessions.list().data) == 1


def test_an_expired_session_is_followed_by_a_fresh_one(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro")
    first = clicked(client, link.url).headers["Location"]
    (session,) = account.v1.checkout.sessions.list().data
    account.v1.checkout.sessions.expire(session.id)
    catch_up(str(buyer(user_id).stripe_customer_id), Part.CHECKOUTS)

    assert clicked(client, link.url).headers["Location"] != first


def test_a_link_whose_plan_was_bought_is_used_up(client: Client, user_id: UUID) -> None:
    link = upgrade_link(user_id, "pro")
    pay(clicked(client, link.url).headers["Location"])

    answer = clicked(client, link.url)

    assert answer.status_code == 410
    assert b"not needed any more" in answer.data or b"was used" in answer.data


def test_used_up_it_stays_so_after_the_subscription_has_ended(
    client: Client, user_id: UUID, account: stripe.StripeClient
) -> None:
    link = upgrade_link(user_id, "pro")
    pay(clicked(client, link.url).headers["Location"])
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
    assert clicked(client, response.json["url"]).status_code == 303


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

    assert clicked(client, made.stdout.strip()).status_code == 303
    assert (unknown.exit_code, "no user" in unknown.output) == (1, True)
