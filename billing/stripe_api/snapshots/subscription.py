"""Subscriptions and their items, of any API version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.catalogue import PriceSnapshot
from billing.stripe_api.snapshots.schedule import ScheduleSnapshot
from billing.stripe_api.snapshots.shapes import (
    Json,
    count_of,
    id_of,
    list_of,
    metadata_of,
    moment_of,
    own_id,
    part_of,
    required,
    word_of,
)

KEPT = {
    "billing_cycle_anchor",
    "cancel_at",
    "cancel_at_period_end",
    "canceled_at",
    "ended_at",
    "metadata",
    "pause_collection",
    "start_date",
    "test_clock",
    "trial_end",
}
"""What a complete subscription of the pinned version tells, be it null: absent is not null."""


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
        """Read the dict, and from its subscription what stood there once. Raises Unreadable."""
        start, end = _period_of(data, subscription)
        return cls(
            id=own_id(data),
            price=PriceSnapshot.from_stripe(_price_in(data)),
            quantity=count_of(data.get("quantity")),
            period_start=start,
            period_end=end,
        )


@dataclass(frozen=True, slots=True)
class PendingItem:
    """What an item becomes once it is paid for."""

    price_id: str
    quantity: int | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(required(data, "price"), count_of(data.get("quantity")))


@dataclass(frozen=True, slots=True)
class SubscriptionSnapshot:
    """What we keep of a subscription.

    `status` is Stripe's own text, whatever it says. `is_complete` tells whether every item and
    every field that is kept is in it, so that its nulls mean none and not unknown.
    `schedule` is None where there is none, or where only its `schedule_id` was told.
    `pending_items` are those of a change that waits for its payment.
    """

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
    cancellation_reason: str | None = None
    currency: str | None = None
    latest_invoice_id: str | None = None
    schedule_id: str | None = None
    schedule: ScheduleSnapshot | None = None
    pending_items: tuple[PendingItem, ...] = ()

    @property
    def waits_for_payment(self) -> bool:
        """Tell whether a change is pending until its invoice is paid."""
        return bool(self.pending_items)

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        subscription_id = own_id(data)
        read = [ItemSnapshot.from_stripe(item, data) for item in _items_in(data)]
        items = tuple({item.id: item for item in read}.values())
        return cls(
            id=subscription_id,
            customer_id=required(data, "customer"),
            status=required(data, "status"),
            items=items,
            is_complete=_is_complete(data, items),
            started_at=moment_of(data.get("start_date")) or moment_of(data.get("start")),
            canceled_at=moment_of(data.get("canceled_at")),
            ended_at=moment_of(data.get("ended_at")),
            cancel_at=moment_of(data.get("cancel_at")),
            cancel_at_period_end=data.get("cancel_at_period_end") is True,
            billing_cycle_anchor=moment_of(data.get("billing_cycle_anchor")),
            trial_end=moment_of(data.get("trial_end")),
            pause_collection=word_of(part_of(data, "pause_collection").get("behavior")),
            claimed_user_id=metadata_of(data, "user_id"),
            test_clock_id=id_of(data.get("test_clock")),
            cancellation_reason=word_of(part_of(data, "cancellation_details").get("reason")),
            currency=word_of(data.get("currency")),
            latest_invoice_id=id_of(data.get("latest_invoice")),
            schedule_id=id_of(data.get("schedule")),
            schedule=_schedule_of(data),
            pending_items=tuple(
                PendingItem.from_stripe(item)
                for item in list_of(part_of(data, "pending_update"), "subscription_items")
            ),
        )


def _items_in(data: Json) -> Sequence[Json]:
    """The items; before there were any, the subscription is the item of its own plan."""
    items = list_of(data, "items") or [data]
    return [item for item in items if _price_in(item)]


def _price_in(item: Json) -> Json:
    """The price, else the plan that came before it (2020); of an id alone, nothing else is told."""
    for name in ("price", "plan"):
        price_id = id_of(item.get(name))
        if price_id:
            return part_of(item, name) or {"id": price_id}
    return {}


def _period_of(item: Json, subscription: Json) -> tuple[datetime | None, datetime | None]:
    # Since 2025-03-31.basil on the item, before that on the subscription; some tell both.
    start, end = (
        moment_of(item.get(name)) or moment_of(subscription.get(name))
        for name in ("current_period_start", "current_period_end")
    )
    return start, end


def _is_complete(data: Json, items: tuple[ItemSnapshot, ...]) -> bool:
    told = part_of(data, "items")
    raw = told.get("data")
    return (
        data.keys() >= KEPT
        and told.get("has_more") is False
        and isinstance(raw, list)
        and len(raw) == len(items) > 0
        and all(part_of(one, "price") for one in list_of(data, "items"))
    )


def _schedule_of(data: Json) -> ScheduleSnapshot | None:
    told = part_of(data, "schedule")
    return ScheduleSnapshot.from_stripe(told) if told else None
