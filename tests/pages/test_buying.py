"""From the plans to the plan, without a script: what is offered, ordered, paid for and shown."""

import pytest
import stripe
from flask import Flask

from billing.emulator import Emulator
from tests.pages.conftest import Surfer, buy, paid, text_of
from tests.support.live import PASSWORD
from tests.support.requests import Client

SHOP = pytest.mark.usefixtures("shop", "service")


@SHOP
def test_a_stranger_compares_the_plans_by_the_month_and_by_the_year(surfer: Surfer) -> None:
    by_month = text_of(surfer.look("/pricing"))
    by_year = text_of(surfer.look("/pricing?interval=year"))

    assert "$29 a month" in by_month
    assert "1,000 jobs a month" in by_month
    assert "Unlimited jobs" in by_month
    assert "$290 a year" in by_year
    assert "16% less than by the month" in by_year
    assert "Your plan" not in by_month


@SHOP
def test_a_strange_interval_is_shown_by_the_month(surfer: Surfer) -> None:
    assert "$29 a month" in text_of(surfer.look("/pricing?interval=decade"))


@SHOP
def test_a_stranger_registers_on_the_way_and_still_gets_to_the_order(surfer: Surfer) -> None:
    page = surfer.look("/pricing?interval=year").text
    surfer.look("/register?next=/checkout?plan%3Dpro%26interval%3Dyear")
    assert "/register?next=/checkout?plan%3Dpro%26interval%3Dyear" in page

    onward = surfer.press("/register", email="customer@example.com", password=PASSWORD)

    assert onward.location == "/checkout?plan=pro&interval=year"
    assert "$290 a year" in text_of(surfer.look(onward.location))


@SHOP
def test_a_purchase_leads_to_stripe_and_back_to_the_plan(
    surfer: Surfer, emulator: Emulator
) -> None:
    surfer.register()

    back = buy(surfer, emulator)

    assert back.startswith("/checkout/done?session_id=cs_")
    assert "You are on Pro" in text_of(surfer.look(back))
    assert "It renews on" in text_of(surfer.look("/account"))


@SHOP
def test_until_stripe_can_be_asked_the_page_waits_and_needs_no_script_for_it(
    surfer: Surfer, emulator: Emulator
) -> None:
    surfer.register()
    emulator.faults.hold = True
    back = paid(surfer, "pro")
    emulator.faults.api_status = [500] * 100

    waiting = surfer.look(back)
    polled = surfer.look(waiting.text.partition('data-ask="')[2].partition('"')[0])
    emulator.faults.api_status = []
    arrived = surfer.look(back.replace("/done", "/state"))

    assert "Thank you" in text_of(waiting)
    assert '<noscript><meta http-equiv="refresh"' in waiting.text
    assert polled.json["state"] == "pending"
    assert (arrived.json["state"], arrived.json["title"]) == ("active", "You are on Pro")


@SHOP
def test_the_poll_of_the_page_has_no_body_while_nothing_changes(
    surfer: Surfer, emulator: Emulator
) -> None:
    surfer.register()
    path = buy(surfer, emulator).replace("/done", "/state")
    first = surfer.look(path)

    second = surfer.look(path, **{"If-None-Match": first.headers["ETag"]})

    assert (second.status_code, second.data) == (304, b"")


@SHOP
def test_an_expired_checkout_says_that_nothing_was_paid(surfer: Surfer, emulator: Emulator) -> None:
    surfer.register()
    surfer.look("/pricing")
    url = surfer.press("/checkout", plan="pro").location
    session_id = url.rpartition("/")[2]
    shop = stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})
    shop.v1.checkout.sessions.expire(session_id)

    page = surfer.look(f"/checkout/done?session_id={session_id}")

    assert "This checkout has expired Nothing was paid." in text_of(page)
    assert "done.js" not in page.text


@SHOP
def test_without_a_session_there_is_nothing_to_wait_for(surfer: Surfer) -> None:
    surfer.register()

    assert surfer.look("/checkout/done").location == "/account"


@SHOP
def test_somebody_elses_checkout_is_none(app: Flask, surfer: Surfer, emulator: Emulator) -> None:
    surfer.register()
    back = buy(surfer, emulator)
    stranger = Surfer(app.test_client())
    stranger.register("other@example.com")

    assert stranger.look(back).status_code == 404
    assert stranger.look(back.replace("/done", "/state")).status_code == 404
    assert stranger.look("/checkout/done?session_id=cs_made_up").status_code == 404


@SHOP
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/checkout?plan=gold", 404),
        ("/checkout?plan=free", 422),
        ("/checkout", 404),
        ("/account/change?plan=gold", 409),
    ],
)
def test_what_is_not_sold_is_refused_in_words(surfer: Surfer, path: str, status: int) -> None:
    surfer.register()

    answer = surfer.look(path)

    assert (answer.status_code, answer.mimetype) == (status, "text/html")


@SHOP
def test_who_has_a_plan_is_offered_changes_and_never_a_second_checkout(
    surfer: Surfer, emulator: Emulator
) -> None:
    surfer.register()
    surfer.look("/pricing")
    stale = surfer.page
    buy(surfer, emulator)

    page = surfer.look("/pricing")
    surfer.page = stale
    again = surfer.press("/checkout", plan="enterprise")

    assert 'action="/checkout"' not in page.text
    assert "Change to Enterprise" in page.text
    assert "Go back to Free" in page.text
    assert "Pay by the year" in surfer.look("/pricing?interval=year").text
    assert (again.status_code, again.location) == (303, "/account")


@SHOP
def test_while_stripe_is_away_the_page_says_so_and_a_retry_is_the_same_purchase(
    surfer: Surfer, emulator: Emulator
) -> None:
    surfer.register()
    surfer.look("/pricing")
    page = surfer.page
    emulator.faults.api_status = [500] * 20

    away = surfer.press("/checkout", plan="pro")
    emulator.faults.clear()
    surfer.page = page
    again = surfer.press("/checkout", plan="pro")

    assert away.status_code == 503
    assert "We will be right back" in text_of(away)
    assert again.status_code == 303


@SHOP
def test_a_checkout_page_on_a_domain_of_the_companys_own_is_led_to_by_a_page_of_ours(
    surfer: Surfer, emulator: Emulator
) -> None:
    emulator.account.url = "https://pay.company.example"
    surfer.register()
    surfer.look("/pricing")

    answer = surfer.press("/checkout", plan="pro")

    assert answer.status_code == 200
    assert 'content="0; url=https://pay.company.example/' in answer.text
    assert 'href="https://pay.company.example/' in answer.text


def test_before_the_plans_are_seeded_the_page_says_that_it_will_be_back(client: Client) -> None:
    surfer = Surfer(client)
    surfer.register()

    assert surfer.look("/account").status_code == 503
