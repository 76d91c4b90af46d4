"""Subscriptions live through trials, renewals, failures and ends as their clock goes."""

import time
from datetime import UTC, datetime

import pytest
import requests
import stripe

from billing.emulator import Emulator
from tests.emulator.conftest import DAY, START, Mailbox, Shop

MONTH = 31 * DAY
HOUR = 3_600


def period(subscription: stripe.Subscription) -> tuple[int, int]:
    """Give the period of the only item."""
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def at(text: str) -> int:
    """Read a day of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_first_payment_makes_the_subscription_active(shop: Shop) -> None:
    subscription = shop.subscriber(expand=["latest_invoice"])

    assert subscription.status == "active"
    assert subscription.latest_invoice.status == "paid"
    assert subscription.created == START


def test_without_a_card_nothing_is_sold(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.subscriber(card=None)


def test_a_failed_first_payment_leaves_it_incomplete_and_then_expired(shop: Shop) -> None:
    subscription = shop.subscriber(card="pm_card_chargeCustomerFail")

    later = shop.at(subscription, START + 23 * HOUR)

    assert (subscription.status, later.status) == ("incomplete", "incomplete_expired")


def test_a_renewal_bills_the_next_period_an_hour_later(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    end = period(subscription)[1]

    renewed = shop.at(subscription, end)
    drafted = shop.client.v1.invoices.retrieve(renewed.latest_invoice)
    shop.at(subscription, end + HOUR)
    paid = shop.client.v1.invoices.retrieve(renewed.latest_invoice)

    assert period(renewed)[0] == end
    assert (drafted.status, paid.status) == ("draft", "paid")
    assert paid.billing_reason == "subscription_cycle"
    assert paid.parent.subscription_details.subscription == subscription.id


def test_a_renewal_is_announced_by_an_invoice_without_an_id(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()

    shop.at(subscription, period(subscription)[1] - 7 * DAY)

    (told,) = mailbox.of("invoice.upcoming")
    assert "id" not in told["data"]["object"]
    assert told["data"]["object"]["amount_due"] == 2_000


def test_day_31_comes_back_after_a_short_month(shop: Shop) -> None:
    clock = shop.clock(at("2027-01-31"))
    customer = shop.customer(test_clock=clock.id)
    subscription = shop.client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.monthly.id}]}
    )

    assert period(subscription)[1] == at("2027-02-28")
    assert period(shop.at(subscription, at("2027-03-01")))[1] == at("2027-03-31")


def test_several_renewals_may_happen_in_one_advance(shop: Shop) -> None:
    subscription = shop.subscriber()

    shop.at(subscription, START + 3 * MONTH)

    invoices = shop.client.v1.invoices.list({"subscription": subscription.id})
    assert [invoice.status for invoice in invoices.data] == ["paid"] * 4


@pytest.mark.parametrize("end", ["canceled", "unpaid", "past_due"])
def test_dunning_ends_as_the_settings_say(emulator: Emulator, shop: Shop, end: str) -> None:
    emulator.dunning_end = end
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")

    first = shop.at(subscription, START + MONTH + DAY)
    last = shop.at(subscription, START + MONTH + 20 * DAY)

    assert (first.status, last.status) == ("past_due", end)


def test_a_good_card_recovers_a_past_due_subscription_at_the_next_retry(
    shop: Shop, mailbox: Mailbox
) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    shop.at(subscription, START + MONTH + DAY)
    shop.change_card(subscription, "pm_card_visa")

    recovered = shop.at(subscription, START + MONTH + 5 * DAY)

    assert recovered.status == "active"
    assert "invoice.payment_failed" in mailbox.types()


def test_paying_the_invoice_recovers_at_once(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    behind = shop.at(subscription, START + MONTH + DAY)

    paid = shop.client.v1.invoices.pay(behind.latest_invoice, {"payment_method": "pm_card_visa"})

    assert (behind.status, paid.status) == ("past_due", "paid")
    assert shop.reread(subscription).status == "active"


def test_a_failed_attempt_to_pay_is_counted_and_told(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    behind = shop.at(subscription, START + MONTH + DAY)

    with pytest.raises(stripe.CardError):
        shop.client.v1.invoices.pay(behind.latest_invoice)
    assert shop.emulator.wait_idle()

    assert shop.client.v1.invoices.retrieve(behind.latest_invoice).attempt_count == 2
    assert len(mailbox.of("invoice.payment_failed")) == 2


def test_only_paying_the_last_open_invoice_recovers(emulator: Emulator, shop: Shop) -> None:
    emulator.dunning_end = "past_due"
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    shop.at(subscription, START + 2 * MONTH + DAY)
    owed = shop.client.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data

    statuses = [pay_and_reread(shop, invoice, subscription) for invoice in owed]

    assert statuses == ["past_due", "active"]


def pay_and_reread(shop: Shop, invoice: stripe.Invoice, subscription: stripe.Subscription) -> str:
    """Pay an invoice with a good card; give the subscription's status then."""
    shop.client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    return shop.reread(subscription).status


@pytest.mark.parametrize(
    ("card", "status", "becomes"),
    [("4242424242424242", 200, "active"), ("4000000000000002", 402, "past_due")],
    ids=["pays", "declines"],
)
def test_the_hosted_page_pays_an_open_invoice(
    shop: Shop, card: str, status: int, becomes: str
) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_authenticationRequired")
    behind = shop.at(subscription, START + MONTH + DAY)
    page = shop.client.v1.invoices.retrieve(behind.latest_invoice).hosted_invoice_url

    response = requests.post(str(page), {"card": card}, timeout=9)

    assert response.status_code == status
    assert shop.reread(subscription).status == becomes


def test_a_renewal_that_needs_the_customer_says_so(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_authenticationRequired")

    behind = shop.at(subscription, START + MONTH + DAY)

    assert behind.status == "past_due"
    (told,) = mailbox.of("invoice.payment_action_required")
    assert told["data"]["object"]["hosted_invoice_url"].startswith(shop.emulator.url)


def test_a_trial_with_a_card_becomes_paid(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber(trial_period_days=14)

    active = shop.at(subscription, START + 15 * DAY)

    assert (subscription.status, active.status) == ("trialing", "active")
    assert len(mailbox.of("customer.subscription.trial_will_end")) == 1
    assert shop.client.v1.invoices.retrieve(active.latest_invoice).amount_paid == 2_000


@pytest.mark.parametrize(
    ("ending", "status"),
    [("create_invoice", "past_due"), ("cancel", "canceled"), ("pause", "paused")],
)
def test_a_trial_without_a_card_ends_as_it_was_told(shop: Shop, ending: str, status: str) -> None:
    settings = {"end_behavior": {"missing_payment_method": ending}}
    subscription = shop.subscriber(card=None, trial_period_days=14, trial_settings=settings)

    assert shop.at(subscription, START + 15 * DAY).status == status


def test_a_trial_ended_now_is_charged_now(shop: Shop) -> None:
    subscription = shop.subscriber(trial_period_days=14)

    paid = shop.client.v1.subscriptions.update(
        subscription.id, {"trial_end": "now", "expand": ["latest_invoice"]}
    )

    assert (paid.status, paid.latest_invoice.amount_paid) == ("active", 2_000)
    assert period(paid)[0] == START


def test_a_paused_trial_can_be_resumed_with_a_card(shop: Shop, mailbox: Mailbox) -> None:
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = shop.subscriber(card=None, trial_period_days=14, trial_settings=settings)
    shop.at(subscription, START + 15 * DAY)
    shop.change_card(subscription, "pm_card_visa")

    resumed = shop.client.v1.subscriptions.resume(subscription.id)

    assert resumed.status == "active"
    assert period(resumed)[0] == START + 15 * DAY


def test_cancel_at_period_end_lasts_until_then(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    end = period(subscription)[1]
    shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    before = shop.at(subscription, end - 1)
    after = shop.at(subscription, end)

    assert (before.status, before.cancel_at) == ("active", end)
    assert (after.status, after.ended_at) == ("canceled", end)
    assert len(mailbox.of("customer.subscription.deleted")) == 1


def test_a_planned_end_can_be_taken_back(shop: Shop) -> None:
    subscription = shop.subscriber()
    told = {"cancel_at": START + 3 * DAY}
    shop.client.v1.subscriptions.update(subscription.id, told)

    kept = shop.client.v1.subscriptions.update(subscription.id, {"cancel_at": ""})

    assert (kept.cancel_at, kept.canceled_at) == (None, None)


def test_canceling_now_ends_it(shop: Shop) -> None:
    subscription = shop.subscriber()

    ended = shop.client.v1.subscriptions.cancel(subscription.id)

    assert (ended.status, ended.ended_at) == ("canceled", START)
    assert shop.client.v1.subscriptions.list({"customer": ended.customer}).data == []
    every = shop.client.v1.subscriptions.list({"customer": ended.customer, "status": "all"})
    assert [found.id for found in every.data] == [ended.id]


def test_deleting_a_customer_ends_its_subscriptions(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()

    shop.client.v1.customers.delete(subscription.customer)

    assert shop.reread(subscription).status == "canceled"
    gone = shop.client.v1.customers.retrieve(subscription.customer)
    assert gone.to_dict() == {"id": subscription.customer, "object": "customer", "deleted": True}


def test_an_upgrade_is_prorated_on_the_next_invoice(shop: Shop) -> None:
    subscription = shop.subscriber()
    start, end = period(subscription)
    shop.at(subscription, start + (end - start) // 2)
    item = subscription["items"].data[0].id

    told = {"items": [{"id": item, "quantity": 2}]}
    shop.client.v1.subscriptions.update(subscription.id, told)
    renewed = shop.at(subscription, end)

    invoice = shop.client.v1.invoices.retrieve(renewed.latest_invoice)
    assert sorted(line.amount for line in invoice.lines.data) == [-1_000, 2_000, 4_000]


def test_an_upgrade_can_be_invoiced_at_once(shop: Shop) -> None:
    subscription = shop.subscriber()
    item = subscription["items"].data[0].id

    changed = shop.client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item, "quantity": 3}],
            "proration_behavior": "always_invoice",
            "expand": ["latest_invoice"],
        },
    )

    assert changed.latest_invoice.amount_paid == 4_000
    assert changed.latest_invoice.billing_reason == "subscription_update"


def test_a_refused_upgrade_payment_leaves_the_old_plan(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    item = subscription["items"].data[0].id
    told = {"items": [{"id": item, "price": shop.yearly.id}]}

    with pytest.raises(stripe.CardError):
        shop.client.v1.subscriptions.update(
            subscription.id, {**told, "payment_behavior": "error_if_incomplete"}
        )

    assert shop.reread(subscription)["items"].data[0].price.id == shop.monthly.id


def test_another_interval_begins_a_new_period(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.at(subscription, START + 10 * DAY)
    item = subscription["items"].data[0].id

    changed = shop.client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item, "price": shop.yearly.id}]}
    )

    assert period(changed) == (START + 10 * DAY, START + 375 * DAY)


def test_paused_collection_keeps_the_status(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.client.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})

    later = shop.at(subscription, START + MONTH + DAY)

    assert later.status == "active"
    assert shop.client.v1.invoices.retrieve(later.latest_invoice).status == "void"


def test_a_paused_subscription_is_not_billed(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    paused = shop.client.v1.subscriptions.pause(subscription.id)

    later = shop.at(subscription, START + 3 * MONTH)

    assert (paused.status, later.status) == ("paused", "paused")
    assert paused.latest_invoice == later.latest_invoice
    assert len(mailbox.of("customer.subscription.paused")) == 1


def test_without_a_test_clock_real_time_goes_on(shop: Shop) -> None:
    customer = shop.customer()
    told = {"customer": customer.id, "items": [{"price": shop.monthly.id}]}
    subscription = shop.client.v1.subscriptions.create({**told, "trial_end": int(time.time()) + 1})

    assert subscription.status == "trialing"
    assert becomes(shop, subscription, "active")


def becomes(shop: Shop, subscription: stripe.Subscription, status: str) -> bool:
    """Wait a few seconds for a status."""
    end = time.monotonic() + 5
    while shop.reread(subscription).status != status and time.monotonic() < end:
        time.sleep(0.1)
    return shop.reread(subscription).status == status


def test_an_advancing_clock_refuses_another_advance_and_tells_when_it_is_ready(
    shop: Shop, mailbox: Mailbox
) -> None:
    clock = shop.clock()
    clocks = shop.client.v1.test_helpers.test_clocks

    moving = clocks.advance(clock.id, {"frozen_time": START + DAY})
    assert shop.emulator.wait_idle()

    assert moving.status == "advancing"
    assert clocks.retrieve(clock.id).frozen_time == START + DAY
    assert len(mailbox.of("test_helpers.test_clock.ready")) == 1


def test_the_embedded_items_are_cut_at_ten(shop: Shop) -> None:
    prices = [
        shop.client.v1.prices.create(
            {
                "product": shop.monthly.product,
                "currency": "usd",
                "unit_amount": 100,
                "recurring": {"interval": "month"},
            }
        ).id
        for _ in range(12)
    ]

    subscription = shop.subscriber(items=[{"price": price} for price in prices])
    every = shop.client.v1.subscription_items.list({"subscription": subscription.id, "limit": 100})

    assert (len(subscription["items"].data), subscription["items"].has_more) == (10, True)
    assert [item.price.id for item in every.data] == prices
