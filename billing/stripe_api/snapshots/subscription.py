"""Subscriptions and their items, of any API version."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.catalogue import PriceSnapshot
from billing.stripe_api.snapshots.shapes import (
    Json,
    count_of,
    id_of,
    list_of,
    metadata_of,
    moment_of,
    part_of,
    text_of,
)


@dataclass(frozen=True, slots=True)
class ItemSnapshot:
    """One item; `quantity` is None when metered."""

    id: str
    price: PriceSnapshot
    quantity: int | None
    period_start: datetime | None
    period_end: datetime | None

    @classmethod
    def from_stripe(cls, data: Json, subscription: Json) -> Self:
        # Since 2025-03-31.basil the period lives on the item, before that on the subscription.
        start, end = (
            moment_of(data.get(name, subscription.get(name)))
            for name in ("current_period_start", "current_period_end")
        )
        return cls(
            id=data["id"],
            price=PriceSnapshot.from_stripe(part_of(data, "price") or part_of(data, "plan")),
            quantity=count_of(data.get("quantity")),
            period_start=start,
            period_end=end,
        )


@dataclass(frozen=True, slots=True)
class SubscriptionSnapshot:
    """What we keep of a subscription. `is_complete` tells whether every item is in it."""

    id: str
    customer_id: str
    status: str
    items: tuple[ItemSnapshot, ...]
    is_complete: bool
    started_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    billing_cycle_anchor: datetime | None
    trial_end: datetime | None
    pause_collection: str | None
    claimed_user_id: str | None
    test_clock_id: str | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises KeyError or ValueError for what is no subscription."""
        customer_id = id_of(data.get("customer"))
        if customer_id is None:
            raise ValueError("a subscription without a customer")
        return cls(
            id=data["id"],
            customer_id=customer_id,
            status=data["status"],
            items=_items_of(data),
            is_complete=bool(list_of(data, "items"))
            and not part_of(data, "items").get("has_more", True),
            started_at=moment_of(data.get("start_date", data.get("start"))),
            canceled_at=moment_of(data.get("canceled_at")),
            ended_at=moment_of(data.get("ended_at")),
            cancel_at=moment_of(data.get("cancel_at")),
            cancel_at_period_end=bool(data.get("cancel_at_period_end")),
            billing_cycle_anchor=moment_of(data.get("billing_cycle_anchor")),
            trial_end=moment_of(data.get("trial_end")),
            pause_collection=text_of(part_of(data, "pause_collection").get("behavior")),
            claimed_user_id=metadata_of(data, "user_id"),
            test_clock_id=id_of(data.get("test_clock")),
        )


def _items_of(data: Json) -> tuple[ItemSnapshot, ...]:
    return tuple(
        ItemSnapshot.from_stripe(item, data)
        for item in list_of(data, "items")
        if part_of(item, "price") or part_of(item, "plan")
    )
