"""Changes can be previewed, planned, or wait for their payment."""

import pytest
import stripe

from tests.emulator.conftest import DAY, START, Mailbox, Shop

MONTH = 31 * DAY


def item_of(subscription: stripe.Subscription) -> str:
    """Give the id of the only item."""
    return str(subscription["items"].data[0].id)


def price_of(subscription: stripe.Subscription) -> str:
    """Give the id of the only item's price."""
    return str(subscription["items"].data[0].price.id)


def end_of(subscription: stripe.Subscription) -> int:
    """Give the end of the only item's period."""
    return int(subscription["items"].data[0].current_period_end)


def test_a_preview_shows_the_next_renewal(shop: Shop) -> None:
    subscription = shop.subscriber()

    preview = shop.client.v1.invoices.create_preview({"subscription": subscription.id})

    assert preview.amount_due == 2_000
    assert preview.lines.data[0].period.start == end_of(subscription)


def test_a_preview_shows_what_a_change_would_cost_and_changes_nothing(
    shop: Shop, mailbox: Mailbox
) -> None:
    subscription = shop.subscriber()
    assert shop.emulator.wait_idle()
    told = len(mailbox.events)

    preview = shop.client.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": item_of(subscription), "quantity": 3}],
                "proration_behavior": "always_invoice",
            },
        }
    )

    assert [line.amount for line in preview.lines.data] == [-2_000, 6_000]
    assert shop.reread(subscription)["items"].data[0].quantity == 1
    assert shop.emulator.wait_idle()
    assert len(mailbox.events) == told
    assert len(shop.client.v1.invoices.list().data) == 1


def test_a_preview_shows_a_first_invoice(shop: Shop) -> None:
    customer = shop.customer(card=None)

    preview = shop.client.v1.invoices.create_preview(
        {
            "customer": customer.id,
            "subscription_details": {"items": [{"price": shop.yearly.id}]},
        }
    )

    assert preview.total == 20_000
    assert shop.client.v1.subscriptions.list().data == []


def test_there_is_no_next_invoice_once_the_end_is_planned(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.invoices.create_preview({"subscription": subscription.id})

    assert refusal.value.code == "invoice_upcoming_none"


def test_another_customers_card_is_refused(shop: Shop) -> None:
    mine, other = shop.subscriber(), shop.subscriber()
    (theirs,) = shop.client.v1.payment_methods.list({"customer": str(other.customer)}).data

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.client.v1.subscriptions.update(mine.id, {"default_payment_method": theirs.id})

    assert refusal.value.param == "default_payment_method"


def test_a_change_during_a_trial_costs_nothing_until_its_end(shop: Shop) -> None:
    subscription = shop.subscriber(trial_period_days=7)

    changed = shop.client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item_of(subscription), "price": shop.yearly.id}]}
    )
    later = shop.at(subscription, START + 8 * DAY)

    assert changed.status == "trialing"
    invoice = shop.client.v1.invoices.retrieve(later.latest_invoice)
    assert [line.amount for line in invoice.lines.data] == [20_000]


def test_a_change_that_is_not_paid_stays_pending(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")

    waiting = upgrade_if_paid(shop, subscription)

    assert (waiting.status, price_of(waiting)) == ("active", shop.monthly.id)
    assert waiting.pending_update.subscription_items[0].price.id == shop.yearly.id


def upgrade_if_paid(shop: Shop, subscription: stripe.Subscription) -> stripe.Subscription:
    """Ask for the yearly price, to be applied once it is paid."""
    return shop.client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item_of(subscription), "price": shop.yearly.id}],
            "payment_behavior": "pending_if_incomplete",
        },
    )


def test_a_pending_change_is_made_when_its_invoice_is_paid(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    waiting = upgrade_if_paid(shop, subscription)

    shop.client.v1.invoices.pay(waiting.latest_invoice, {"payment_method": "pm_card_visa"})
    assert shop.emulator.wait_idle()

    changed = shop.reread(subscription)
    assert (price_of(changed), changed.pending_update) == (shop.yearly.id, None)
    assert len(mailbox.of("customer.subscription.pending_update_applied")) == 1


def test_a_pending_change_lapses_after_23_hours(shop: Shop) -> None:
    subscription = shop.subscriber()
    shop.change_card(subscription, "pm_card_chargeCustomerFail")
    waiting = upgrade_if_paid(shop, subscription)

    later = shop.at(subscription, START + DAY)

    assert (price_of(later), later.pending_update) == (shop.monthly.id, None)
    assert shop.client.v1.invoices.retrieve(waiting.latest_invoice).status == "void"


def test_a_paid_change_is_told_once(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()

    changed = upgrade_if_paid(shop, subscription)
    assert shop.emulator.wait_idle()

    assert price_of(changed) == shop.yearly.id
    assert len(mailbox.of("customer.subscription.updated")) == 1


def downgrade_later(shop: Shop, subscription: stripe.Subscription) -> stripe.SubscriptionSchedule:
    """Plan the monthly price for the end of the yearly period."""
    schedules = shop.client.v1.subscription_schedules
    schedule = schedules.create({"from_subscription": subscription.id})
    (present,) = schedule.phases
    return schedules.update(
        schedule.id,
        {
            "end_behavior": "release",
            "phases": [
                {
                    "items": [{"price": present["items"][0].price, "quantity": 1}],
                    "start_date": present.start_date,
                    "end_date": present.end_date,
                },
                {"items": [{"price": shop.monthly.id, "quantity": 1}]},
            ],
        },
    )


def test_a_planned_downgrade_happens_at_the_periods_end(shop: Shop) -> None:
    subscription = shop.subscriber(items=[{"price": shop.yearly.id}])
    end = end_of(subscription)
    schedule = downgrade_later(shop, subscription)

    before = shop.at(subscription, end - 1)
    after = shop.at(subscription, end + 2 * DAY)

    assert (price_of(before), before.schedule) == (shop.yearly.id, schedule.id)
    assert price_of(after) == shop.monthly.id
    assert shop.client.v1.invoices.retrieve(after.latest_invoice).amount_paid == 2_000


def test_a_change_at_the_periods_end_is_not_prorated(shop: Shop) -> None:
    subscription = shop.subscriber(items=[{"price": shop.yearly.id, "quantity": 2}])
    schedules = shop.client.v1.subscription_schedules
    schedule = schedules.create({"from_subscription": subscription.id})
    (present,) = schedule.phases
    now = {"start_date": present.start_date, "end_date": present.end_date}
    ahead = {"items": [{"price": shop.yearly.id, "quantity": 1}]}
    told = [{**now, "items": [{"price": shop.yearly.id, "quantity": 2}]}, ahead]
    schedules.update(schedule.id, {"phases": told})

    after = shop.at(subscription, end_of(subscription) + DAY)

    invoice = shop.client.v1.invoices.retrieve(after.latest_invoice)
    assert [line.amount for line in invoice.lines.data] == [20_000]


def test_a_schedule_lets_go_after_its_last_phase(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber(items=[{"price": shop.yearly.id}])
    schedule = downgrade_later(shop, subscription)

    after = shop.at(subscription, end_of(subscription) + 2 * MONTH)

    found = shop.client.v1.subscription_schedules.retrieve(schedule.id)
    assert (found.status, found.released_subscription) == ("released", subscription.id)
    assert (after.schedule, after.status) == (None, "active")


def test_a_released_schedule_changes_nothing(shop: Shop) -> None:
    subscription = shop.subscriber(items=[{"price": shop.yearly.id}])
    schedule = downgrade_later(shop, subscription)

    shop.client.v1.subscription_schedules.release(schedule.id)

    after = shop.at(subscription, end_of(subscription) + DAY)
    assert price_of(after) == shop.yearly.id


def test_canceling_a_schedule_ends_its_subscription(shop: Shop) -> None:
    subscription = shop.subscriber()
    schedule = downgrade_later(shop, subscription)

    canceled = shop.client.v1.subscription_schedules.cancel(schedule.id)

    assert (canceled.status, shop.reread(subscription).status) == ("canceled", "canceled")


@pytest.mark.parametrize(
    ("coupon", "paid"),
    [
        ({"percent_off": 50, "duration": "once"}, [1_000, 2_000, 2_000]),
        (
            {"percent_off": 50, "duration": "repeating", "duration_in_months": 2},
            [1_000, 1_000, 2_000],
        ),
        ({"amount_off": 500, "currency": "usd", "duration": "forever"}, [1_500, 1_500, 1_500]),
    ],
    ids=["once", "repeating", "forever"],
)
def test_a_coupon_lasts_as_long_as_it_says(
    shop: Shop, coupon: dict[str, object], paid: list[int]
) -> None:
    made = shop.client.v1.coupons.create(coupon)
    subscription = shop.subscriber(discounts=[{"coupon": made.id}])

    shop.at(subscription, START + 2 * MONTH + DAY)

    invoices = shop.client.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.amount_paid for invoice in invoices][::-1] == paid


def test_a_coupon_lowers_the_invoice(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 25, "duration": "forever"})
    code = shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    )

    subscription = shop.subscriber(
        discounts=[{"promotion_code": code.id}], expand=["latest_invoice", "discounts"]
    )

    assert subscription.latest_invoice.amount_paid == 1_500
    assert subscription.discounts[0].source.coupon == coupon.id
    assert shop.client.v1.promotion_codes.list({"code": "spring"}).data[0].times_redeemed == 1
