"""What a holder sees and does: the plan, why, until when, what is used, changes and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from billing import clock
from billing.database import db, transaction
from billing.emulator import Emulator
from billing.entitlements import Reason, increment_usage, standing_of
from billing.models import Invoice, InvoiceAction, Metric, SubscriptionPlan, User
from billing.pages import words
from tests.pages.conftest import Surfer, buy, text_of
from tests.support.factories import a_customer, a_plan, a_subscription, saved

SHOP = pytest.mark.usefixtures("shop", "service")


@pytest.fixture
def holder(shop: None, service: str, surfer: Surfer, emulator: Emulator) -> Surfer:
    """Somebody who has bought Pro by the month."""
    surfer.register()
    buy(surfer, emulator)
    return surfer


def registered(surfer: Surfer) -> User:
    """The user at the browser."""
    surfer.register()
    return db.session.scalars(db.select(User)).one()


def account(surfer: Surfer) -> str:
    return text_of(surfer.look("/account"))


def test_before_a_change_the_page_tells_what_it_costs(holder: Surfer) -> None:
    page = text_of(holder.look("/account/change?plan=enterprise"))

    assert "Change to Enterprise $299 a month" in page
    assert "Unused time on Pro −$29" in page
    assert "Total $270" in page


def test_an_upgrade_is_made_at_once(holder: Surfer) -> None:
    holder.look("/account/change?plan=enterprise&interval=month")

    answer = holder.press("/account/change")

    assert (answer.status_code, answer.location) == (303, "/account?done=yes")
    assert "You are on Enterprise." in text_of(holder.look(answer.location))


def test_a_downgrade_waits_and_can_be_taken_back(holder: Surfer) -> None:
    holder.look("/account/change?plan=enterprise")
    holder.press("/account/change")

    preview = text_of(holder.look("/account/change?plan=pro"))
    holder.press("/account/change")
    planned = account(holder)
    holder.press("/account/resume")

    assert "Nothing is due today." in preview
    assert "From then on you are on Pro." in planned
    assert "Enterprise by the month It renews on" in account(holder)


def test_paying_by_the_year_is_a_change_as_any_other(holder: Surfer) -> None:
    preview = text_of(holder.look("/account/change?plan=pro&interval=year"))
    holder.press("/account/change")

    assert "$290 a year" in preview
    assert "Pro by the year" in account(holder)


def test_a_cancelled_plan_is_kept_until_its_end_and_can_be_kept_on(holder: Surfer) -> None:
    holder.look("/account/cancel")

    done = holder.press("/account/cancel")
    cancelled = text_of(holder.look(done.location))
    offered = holder.look("/pricing").text
    holder.look("/account")
    holder.press("/account/resume")

    assert "Pro is cancelled. Until it ends you can take that back." in cancelled
    assert "and does not renew" in cancelled
    assert "Manage your plan" in offered
    assert "It renews on" in account(holder)


@pytest.fixture
def by_seat(holder: Surfer) -> Surfer:
    """Somebody on Pro, whose jobs are now counted by the seat."""
    with transaction() as session:
        rules = {"jobs_created": {"per_seat": True}}
        session.execute(
            sa.update(SubscriptionPlan)
            .where(SubscriptionPlan.name == "pro")
            .values(quota_rules=rules)
        )
    return holder


def test_more_seats_are_paid_for_and_there_at_once(by_seat: Surfer) -> None:
    offered = by_seat.look("/account").text

    preview = text_of(by_seat.look("/account/change?quantity=4"))
    by_seat.press("/account/change", quantity="4")

    assert 'action="/account/change"' in offered
    assert "Change to Pro with 4 seats $116 a month" in preview
    assert "Total $87" in preview
    assert "Pro by the month, 4 seats" in account(by_seat)
    assert "Jobs 0 of 4,000" in account(by_seat)


def test_fewer_seats_wait_for_the_end_of_the_period(by_seat: Surfer) -> None:
    by_seat.look("/account/change?quantity=4")
    by_seat.press("/account/change")

    preview = text_of(by_seat.look("/account/change?quantity=1"))
    by_seat.press("/account/change")

    assert "Change to Pro with 1 seat " in preview
    assert "Nothing is due today." in preview
    assert "and then changes as you asked" in account(by_seat)


def test_seats_are_not_offered_where_they_give_nothing(holder: Surfer) -> None:
    assert "Change seats" not in account(holder)


@pytest.mark.parametrize("told", ["0", "-1", "1.5", "1001", "many", "", "9" * 5000, "٣"])
def test_what_is_no_number_of_seats_is_refused(by_seat: Surfer, told: str) -> None:
    assert by_seat.look(f"/account/change?quantity={told}").status_code == 422


def test_an_upgrade_whose_payment_fails_changes_nothing_and_shows_where_to_pay(
    holder: Surfer, emulator: Emulator
) -> None:
    shop = stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})
    (bought,) = shop.v1.subscriptions.list({"status": "all"}).data
    card = shop.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": str(bought.customer)}
    )
    shop.v1.subscriptions.update(bought.id, {"default_payment_method": card.id})
    holder.look("/account/change?plan=enterprise")

    answer = holder.press("/account/change")

    assert answer.status_code == 402
    assert "One more step" in text_of(answer)
    assert f'href="{emulator.url}/invoices/' in answer.text
    assert "Pro by the month" in account(holder)


def test_the_portal_is_one_press_away(holder: Surfer, emulator: Emulator) -> None:
    holder.look("/account")

    answer = holder.press("/account/portal")

    assert answer.status_code == 303
    assert answer.location.startswith(f"{emulator.url}/portal/")


def test_invoices_are_listed_with_their_pages(holder: Surfer, emulator: Emulator) -> None:
    page = holder.look("/account")

    assert "Paid $29" in text_of(page)
    assert f'href="{emulator.url}/invoices/' in page.text


def test_nobody_sees_the_invoices_of_another(app: Flask, holder: Surfer) -> None:
    stranger = Surfer(app.test_client())
    stranger.register("other@example.com")

    assert "Invoices" not in account(stranger)
    assert "Invoices" in account(holder)


@SHOP
def test_who_never_bought_has_no_portal(surfer: Surfer) -> None:
    surfer.register()
    page = surfer.look("/account")

    answer = surfer.client.post("/account/portal", data={"form_token": surfer.token})

    assert "/account/portal" not in page.text
    assert answer.status_code == 409


@SHOP
@pytest.mark.parametrize("path", ["/account/change?plan=enterprise", "/account/change?plan=gold"])
def test_who_has_no_subscription_has_none_to_change(surfer: Surfer, path: str) -> None:
    surfer.register()

    assert surfer.look(path).status_code == 409


def test_a_plan_that_is_not_is_no_change(holder: Surfer) -> None:
    assert holder.look("/account/change?plan=gold").status_code == 404
    assert holder.look("/account/change?plan=free").status_code == 422


@pytest.mark.parametrize("path", ["/account", "/account/change?plan=pro", "/account/cancel"])
def test_strangers_are_asked_who_they_are_and_come_back(surfer: Surfer, path: str) -> None:
    answer = surfer.look(path)

    assert answer.status_code == 303
    assert answer.location.startswith("/signin?next=/account")
    assert surfer.look(answer.location).text.count(path.replace("&", "&amp;")) >= 1


def test_what_was_used_is_shown_beside_what_may_be(app: Flask, surfer: Surfer) -> None:
    a_plan("free", max_jobs_per_month=10, max_storage_mb=12_500)
    user = registered(surfer)
    increment_usage(user.id, Metric.JOBS_CREATED, 9)

    page = surfer.look("/account")

    assert "Jobs 9 of 10" in text_of(page)
    assert "Storage 0 MB of 12.5 GB" in text_of(page)
    assert "API calls 0 " in text_of(page)
    assert 'max="10" high="9.0" value="9"' in page.text


def test_an_unpaid_invoice_asks_for_what_it_needs(app: Flask, surfer: Surfer) -> None:
    a_plan("free")
    user = registered(surfer)
    customer = a_customer(user)
    a_subscription(user, a_plan("pro"), stripe_customer_id=customer.id)
    saved(
        Invoice(
            stripe_invoice_id="in_1",
            stripe_customer_id=customer.id,
            status="open",
            currency="usd",
            total=2900,
            amount_due=2900,
            amount_paid=0,
            issued_at=clock.utc_now(),
            due_at=datetime(2026, 12, 24, tzinfo=UTC),
            hosted_invoice_url="https://invoice.stripe.com/i/1",
            action=InvoiceAction.CONFIRM,
        )
    )

    page = surfer.look("/account")

    assert "Your bank wants you to confirm the last payment." in text_of(page)
    assert "before 24 December 2026" in text_of(page)
    assert 'href="https://invoice.stripe.com/i/1"' in page.text


DAY = datetime(2026, 12, 24, 14, 5, tzinfo=UTC)
FACTS: dict[Reason, tuple[dict[str, Any], str]] = {
    Reason.ACTIVE: ({"current_period_end": DAY}, "It renews on 24 December 2026."),
    Reason.TRIALING: (
        {"status": "trialing", "trial_end": DAY},
        "You are trying it out until 24 December 2026.",
    ),
    Reason.GRACE: (
        {"status": "past_due", "past_due_since": None},
        "You keep the plan until further notice while we retry.",
    ),
    Reason.UNPAID: ({"status": "unpaid"}, "Several payments failed"),
    Reason.UNKNOWN_STATUS: ({"status": "odd"}, "We are clearing something up with Stripe."),
    Reason.ENDED: ({"status": "canceled"}, "Your subscription has ended."),
}


@pytest.mark.parametrize("reason", FACTS, ids=str)
def test_the_reason_is_told_in_words(app: Flask, surfer: Surfer, reason: Reason) -> None:
    values, sentence = FACTS[reason]
    a_plan("free")
    user = registered(surfer)
    a_subscription(user, a_plan("pro"), **values)

    assert sentence in account(surfer)
    assert standing_of(user.id).access.reason is reason


def test_an_end_that_is_planned_is_told(app: Flask, surfer: Surfer) -> None:
    a_plan("free")
    end = clock.utc_now() + timedelta(days=9)
    user = registered(surfer)
    a_subscription(user, a_plan("pro"), cancel_at=end, expires_at=end)

    page = account(surfer)

    assert f"It ends on {words.day(end)} and does not renew.".replace("\xa0", " ") in page
    assert "Keep Pro" in page
    assert "Cancel plan" not in page


def test_every_reason_and_action_has_its_words() -> None:
    assert set(words.REASONS) == set(Reason)
    assert set(words.ACTIONS) == set(InvoiceAction)
    assert set(words.METRICS) == set(Metric)


def test_a_paused_subscription_can_be_resumed_or_canceled_from_the_page(
    app: Flask, surfer: Surfer
) -> None:
    a_plan("free")
    user = registered(surfer)
    a_subscription(user, a_plan("pro"), status="paused")

    page = surfer.look("/account").text

    assert 'action="/account/resume"' in page
    assert "Resume subscription" in page
    assert 'href="/account/cancel"' in page
