"""What does Stripe hold? Objects of the pinned API version with good defaults."""

import time
from typing import Any

START = 1_790_812_800  # 2026-10-01
MONTH = 2_678_400


def a_stripe_price(price_id: str = "price_pro", **values: Any) -> dict[str, Any]:
    """A monthly price whose lookup key names the plan pro."""
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "currency": "usd",
        "lookup_key": "pro_month",
        "metadata": {},
        "product": "prod_pro",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "type": "recurring",
        "unit_amount": 2900,
        **values,
    }


def a_stripe_item(item_id: str = "si_1", **values: Any) -> dict[str, Any]:
    """An item of one seat, with the period on the item."""
    return {
        "id": item_id,
        "object": "subscription_item",
        "current_period_start": START,
        "current_period_end": START + MONTH,
        "price": a_stripe_price(),
        "quantity": 1,
        **values,
    }


def a_stripe_subscription(subscription_id: str = "sub_A", **values: Any) -> dict[str, Any]:
    """An active subscription of cus_1 with one item of the plan pro."""
    items = values.pop("items", None) or [a_stripe_item()]
    return {
        "id": subscription_id,
        "object": "subscription",
        "billing_cycle_anchor": START,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "created": START,
        "customer": "cus_1",
        "ended_at": None,
        "items": {"object": "list", "data": items, "has_more": False},
        "livemode": False,
        "metadata": {},
        "pause_collection": None,
        "start_date": START,
        "status": "active",
        "test_clock": None,
        "trial_end": None,
        **values,
    }


def now() -> int:
    """This second, as Stripe writes it."""
    return int(time.time())
