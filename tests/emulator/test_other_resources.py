"""Refunds, disputes and warnings; entitlements; metered usage; the account."""

import pytest
import requests
import stripe

from tests.emulator.conftest import Mailbox, Shop


def charge_of(shop: Shop, subscription: stripe.Subscription) -> stripe.Charge:
    """Find the charge of a subscription's latest invoice, as one has to since basil."""
    payments = shop.client.v1.invoice_payments.list(
        {
            "invoice": subscription.latest_invoice,
            "expand": ["data.payment.payment_intent.latest_charge"],
        }
    )
    return payments.data[0].payment.payment_intent.latest_charge


def test_a_refund_is_told_and_seen_on_the_charge(shop: Shop, mailbox: Mailbox) -> None:
    charge = charge_of(shop, shop.subscriber())

    shop.client.v1.refunds.create({"charge": charge.id, "amount": 500})
    shop.client.v1.refunds.create({"payment_intent": charge.payment_intent})
    assert shop.emulator.wait_idle()

    found = shop.client.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (found.amount_refunded, found.refunded) == (2_000, True)
    assert [each.amount for each in found.refunds.data] == [500, 1_500]
    assert len(mailbox.of("charge.refunded")) == 2


def test_more_than_was_paid_is_not_refunded(shop: Shop) -> None:
    charge = charge_of(shop, shop.subscriber())

    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.refunds.create({"charge": charge.id, "amount": 2_001})


def test_a_dispute_is_opened_and_won(shop: Shop, mailbox: Mailbox) -> None:
    charge = charge_of(shop, shop.subscriber())
    url = f"{shop.emulator.url}/_emulator/disputes"

    opened = requests.post(url, json={"charge": charge.id}, timeout=9).json()
    requests.post(f"{url}/{opened['id']}", json={"status": "won"}, timeout=9)
    assert shop.emulator.wait_idle()

    assert shop.client.v1.disputes.retrieve(opened["id"]).status == "won"
    assert {
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    } <= set(mailbox.types())


def test_a_bank_may_warn_of_fraud(shop: Shop, mailbox: Mailbox) -> None:
    charge = charge_of(shop, shop.subscriber())

    url = f"{shop.emulator.url}/_emulator/early_fraud_warnings"
    assert requests.post(url, json={"charge": charge.id}, timeout=9).status_code == 201
    assert shop.emulator.wait_idle()

    (told,) = mailbox.of("radar.early_fraud_warning.created")
    assert told["data"]["object"]["charge"] == charge.id


def test_a_dispute_of_no_charge_is_refused(shop: Shop) -> None:
    url = f"{shop.emulator.url}/_emulator/disputes"

    assert requests.post(url, json={"charge": "ch_nothing"}, timeout=9).status_code == 404


def test_an_invoice_payment_is_found_by_its_payment_intent(shop: Shop) -> None:
    subscription = shop.subscriber()
    intent = charge_of(shop, subscription).payment_intent

    found = shop.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    )

    assert [each.invoice for each in found.data] == [subscription.latest_invoice]


def with_feature(shop: Shop, key: str) -> stripe.entitlements.Feature:
    """Give the shop's product a feature."""
    feature = shop.client.v1.entitlements.features.create({"lookup_key": key, "name": key})
    shop.client.v1.products.features.create(
        str(shop.monthly.product), {"entitlement_feature": feature.id}
    )
    return feature


def test_subscribing_entitles_and_ending_takes_it_back(shop: Shop, mailbox: Mailbox) -> None:
    with_feature(shop, "reports")
    subscription = shop.subscriber()
    told = {"customer": str(subscription.customer)}

    before = shop.client.v1.entitlements.active_entitlements.list(told)
    shop.client.v1.subscriptions.cancel(subscription.id)
    after = shop.client.v1.entitlements.active_entitlements.list(told)

    assert [each.lookup_key for each in before.data] == ["reports"]
    assert after.data == []


def test_a_changed_set_of_entitlements_is_told_whole(shop: Shop, mailbox: Mailbox) -> None:
    with_feature(shop, "reports")

    subscription = shop.subscriber()
    assert shop.emulator.wait_idle()

    (event,) = mailbox.of("entitlements.active_entitlement_summary.updated")
    summary = event["data"]["object"]
    assert summary["customer"] == subscription.customer
    assert [each["lookup_key"] for each in summary["entitlements"]["data"]] == ["reports"]
    assert event["data"]["previous_attributes"]["entitlements"]["data"] == []


def test_a_paused_subscription_keeps_its_entitlements(shop: Shop) -> None:
    with_feature(shop, "reports")
    subscription = shop.subscriber()

    shop.client.v1.subscriptions.pause(subscription.id)

    held = shop.client.v1.entitlements.active_entitlements.list(
        {"customer": str(subscription.customer)}
    )
    assert len(held.data) == 1


def metered(shop: Shop) -> stripe.billing.Meter:
    """Create a meter of calls."""
    return shop.client.v1.billing.meters.create(
        {
            "display_name": "Calls",
            "event_name": "calls",
            "default_aggregation": {"formula": "sum"},
        }
    )


def test_usage_with_the_same_identifier_counts_once(shop: Shop) -> None:
    meter = metered(shop)
    customer = shop.customer(card=None)
    events = shop.client.v1.billing.meter_events
    payload = {"stripe_customer_id": customer.id, "value": "25"}
    told = {"event_name": "calls", "payload": payload, "identifier": "once"}
    event = events.create(told)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        events.create(told)

    assert refusal.value.code == "duplicate_meter_event"
    summaries = shop.client.v1.billing.meters.event_summaries.list(
        meter.id,
        {
            "customer": customer.id,
            "start_time": event.timestamp - 60,
            "end_time": event.timestamp + 60,
        },
    )
    assert [each.aggregated_value for each in summaries.data] == [25]


@pytest.mark.parametrize(
    "change",
    [
        {"event_name": "nonsense"},
        {"payload": {"stripe_customer_id": "cus_x", "value": "many"}},
        {"timestamp": 1_000},
        {"identifier": "x" * 101},
    ],
    ids=["no meter", "no number", "too old", "too long"],
)
def test_unfit_usage_is_refused(shop: Shop, change: dict[str, object]) -> None:
    metered(shop)
    told = {"event_name": "calls", "payload": {"stripe_customer_id": "cus_x", "value": "1"}}

    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.billing.meter_events.create({**told, **change})


def test_a_second_active_meter_of_one_event_name_is_refused(shop: Shop) -> None:
    meter = metered(shop)

    with pytest.raises(stripe.InvalidRequestError):
        metered(shop)
    shop.client.v1.billing.meters.deactivate(meter.id)

    assert metered(shop).status == "active"


def test_the_account_can_be_read(client: stripe.StripeClient) -> None:
    account = client.v1.accounts.retrieve_current()

    assert account.id.startswith("acct_")
