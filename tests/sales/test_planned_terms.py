"""Terms of a subscription that a planned change keeps: taxes, discounts, metadata, collection."""

from typing import Any

import pytest
import stripe

from billing.stripe_api.snapshots import PhaseTerms
from tests.support.changes import Post, bought, keys


@pytest.fixture
def terms(change: Post, account: stripe.StripeClient) -> stripe.Subscription:
    """Give the subscription of three seats every term that an owner may set at Stripe."""
    change(quantity=3)
    rate = account.v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 20, "inclusive": False}
    ).id
    coupon = account.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    one = bought(account)
    item: Any = {
        "id": one["items"].data[0].id,
        "metadata": {"cost_centre": "7"},
        "tax_rates": [rate],
        "billing_thresholds": {"usage_gte": 500},
    }
    return account.v1.subscriptions.update(
        one.id,
        {
            "billing_thresholds": {"amount_gte": 50_000},
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "default_tax_rates": [rate],
            "discounts": [{"coupon": coupon}],
            "metadata": {"contract": "C-1"},
            "items": [item],
        },
    )


def told(one: stripe.Subscription) -> dict[str, Any]:
    """Return the terms of a subscription and of its item."""
    item = one["items"].data[0]
    return {
        "taxes": [rate.id for rate in one.default_tax_rates or []],
        "discounts": [str(each) for each in one.discounts],
        "metadata": one.metadata.to_dict(),
        "collection": (one.collection_method, one.days_until_due),
        "threshold": one.billing_thresholds and one.billing_thresholds.amount_gte,
        "item taxes": [rate.id for rate in item.tax_rates or []],
        "item metadata": item.metadata.to_dict(),
        "item threshold": item.billing_thresholds and item.billing_thresholds.usage_gte,
    }


def test_a_planned_change_takes_no_term_from_the_subscription_now(
    change: Post, account: stripe.StripeClient, terms: stripe.Subscription
) -> None:
    response = change(quantity=1)

    assert response.json["pending"] is not None
    assert keys(account) == [("pro_month", 3)]
    assert told(bought(account)) == told(terms)


def test_the_terms_stand_in_the_phase_to_come(
    change: Post, account: stripe.StripeClient, terms: stripe.Subscription
) -> None:
    change(quantity=1)

    schedule = account.v1.subscription_schedules.list().data[0]
    now, later = (phase.to_dict() for phase in schedule.phases)
    for phase in (now, later):
        for name in ("start_date", "end_date", "proration_behavior"):
            phase.pop(name)
    assert (now["items"][0].pop("quantity"), later["items"][0].pop("quantity")) == (3, 1)
    assert later == now
    assert later["items"][0]["metadata"] == {"cost_centre": "7"}
    assert len(later["default_tax_rates"]) == len(later["discounts"]) == 1


SETTINGS = {
    "account_tax_ids": ["atxi_1"],
    "custom_fields": None,
    "days_until_due": 30,
    "description": None,
    "footer": "Thank you",
    "issuer": {"type": "self"},
}


@pytest.mark.parametrize(
    ("name", "shown", "taken"),
    [
        ("application_fee_percent", 12.5, 12.5),
        (
            "automatic_tax",
            {"enabled": True, "disabled_reason": None, "liability": {"type": "self"}},
            {"enabled": True, "liability": {"type": "self"}},
        ),
        (
            "billing_thresholds",
            {"amount_gte": 500, "reset_billing_cycle_anchor": None},
            {"amount_gte": 500},
        ),
        ("collection_method", "send_invoice", "send_invoice"),
        ("default_payment_method", {"id": "pm_1", "object": "payment_method"}, "pm_1"),
        ("default_tax_rates", [{"id": "txr_1", "object": "tax_rate"}], ["txr_1"]),
        ("default_tax_rates", ["txr_1"], ["txr_1"]),
        ("description", "For the office", "For the office"),
        (
            "discounts",
            [{"coupon": "c", "discount": "di_1", "promotion_code": None}, {"coupon": "c"}],
            [{"discount": "di_1"}, {"coupon": "c"}],
        ),
        (
            "invoice_settings",
            SETTINGS,
            {
                "account_tax_ids": ["atxi_1"],
                "days_until_due": 30,
                "footer": "Thank you",
                "issuer": {"type": "self"},
            },
        ),
        ("metadata", {"id": "7", "object": "desk"}, {"id": "7", "object": "desk"}),
        ("on_behalf_of", "acct_1", "acct_1"),
        (
            "transfer_data",
            {"amount_percent": 10, "destination": {"id": "acct_1", "object": "account"}},
            {"amount_percent": 10, "destination": "acct_1"},
        ),
    ],
)
def test_a_term_is_given_back_as_stripe_takes_it(name: str, shown: Any, taken: Any) -> None:
    phase = {"start_date": 1, "end_date": 2, "items": [], name: shown, "description_2": "x"}
    span = {"start_date": 1, "end_date": 2}
    schedule = {"id": "sub_sched_1", "status": "active", "current_phase": span, "phases": [phase]}

    assert PhaseTerms.from_stripe(schedule).phase == {name: taken}


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_a_term_that_is_not_set_is_not_sent(nothing: Any) -> None:
    phase = {"start_date": 1, "items": [], "default_tax_rates": nothing, "metadata": nothing}
    span = {"start_date": 1, "end_date": 2}
    schedule = {"id": "sub_sched_1", "status": "active", "current_phase": span, "phases": [phase]}

    assert PhaseTerms.from_stripe(schedule).phase == {}
