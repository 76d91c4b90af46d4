"""What do we keep of a subscription? A pure function of what Stripe holds now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.catalog import ownership
from billing.catalog.mapping import PlanRank, PriceMap
from billing.catalog.ownership import GRANTING
from billing.models import Status
from billing.stripe_api.snapshots import ItemSnapshot, SubscriptionSnapshot

OWING = {Status.PAST_DUE, Status.UNPAID}

FIELDS = (
    "stripe_customer_id",
    "is_ours",
    "plan_id",
    "stripe_price_id",
    "status",
    "quantity",
    "started_at",
    "expires_at",
    "cancelled_at",
    "ended_at",
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_reason",
    "current_period_start",
    "current_period_end",
    "billing_cycle_anchor",
    "interval",
    "trial_end",
    "past_due_since",
    "pause_collection",
    "pending_plan_id",
    "pending_change_at",
)


@dataclass(frozen=True, slots=True)
class Projection:
    """The columns of one subscription and of its items."""

    columns: Mapping[str, Any]
    items: tuple[Mapping[str, Any], ...]
    plan: PlanRank | None
    plan_item_id: str | None = None


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """The plan last known to be granted, and the item and price that granted it."""

    plan_id: UUID | None = None
    item_id: str | None = None
    price_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that is planned: the plan, if it is known, and when."""

    plan_id: UUID | None = None
    at: datetime | None = None


def project(
    snapshot: SubscriptionSnapshot,
    prices: PriceMap,
    past_due_since: datetime | None,
    pending: Pending,
) -> Projection:
    """Reduce the snapshot to what is stored."""
    chosen = ownership.plan_item(snapshot, prices)
    item, plan = chosen.item, chosen.plan
    period_end = item.period_end if item else None
    owes = Status.read(snapshot.status) in OWING
    columns = {
        "stripe_customer_id": snapshot.customer_id,
        "is_ours": ownership.is_ours(snapshot, prices),
        "plan_id": plan.id if plan else None,
        "stripe_price_id": item.price.id if item else None,
        "status": snapshot.status,
        "quantity": item.quantity if item else None,
        "started_at": snapshot.started_at,
        "expires_at": _expires_at(snapshot, period_end),
        "cancelled_at": snapshot.canceled_at,
        "ended_at": snapshot.ended_at,
        "cancel_at": snapshot.cancel_at,
        "cancel_at_period_end": snapshot.cancel_at_period_end,
        "cancellation_reason": snapshot.cancellation_reason,
        "current_period_start": item.period_start if item else None,
        "current_period_end": period_end,
        "billing_cycle_anchor": snapshot.billing_cycle_anchor,
        "interval": item.price.interval if item else None,
        "trial_end": snapshot.trial_end,
        "past_due_since": past_due_since if owes else None,
        "pause_collection": snapshot.pause_collection,
        "pending_plan_id": pending.plan_id,
        "pending_change_at": pending.at,
    }
    items = tuple(
        _item_columns(one, prices.plan_of(one.price))
        for one in sorted(snapshot.items, key=lambda one: one.id)
    )
    return Projection(columns, items, plan, item.id if item else None)


def pending_of(
    snapshot: SubscriptionSnapshot, prices: PriceMap, held: Pending | None = None
) -> Pending:
    """Read the next phase of the schedule; what is held stands where only its id was told."""
    schedule = snapshot.schedule
    if Status.read(snapshot.status).is_terminal or snapshot.schedule_id is None:
        return Pending()
    if schedule is None:
        return held or Pending()
    plans = [plan for one in schedule.next_price_ids if (plan := prices.plan_of_id(one))]
    highest = max(plans, key=lambda plan: plan.rank, default=None)
    return Pending(highest.id if highest else None, schedule.next_phase_start)


def planned_price_ids(snapshot: SubscriptionSnapshot) -> tuple[str, ...]:
    """Name the prices that the subscription will have next."""
    return snapshot.schedule.next_price_ids if snapshot.schedule else ()


def held_plan(projection: Projection, before: HeldPlan) -> HeldPlan:
    """Return the plan last known to be granted, kept while what granted it says nothing new.

    It stands while the status is unknown, and while the very item that granted it is there at
    the same price, and nothing says any more which plan that price buys.
    """
    status = Status.read(projection.columns["status"])
    if status is Status.UNKNOWN:
        return before
    if status not in GRANTING or not projection.columns["is_ours"]:
        return HeldPlan()
    if projection.plan:
        price_id = projection.columns["stripe_price_id"]
        return HeldPlan(projection.plan.id, projection.plan_item_id, price_id)
    is_there = any(_granted(item, before) for item in projection.items)
    return before if is_there else HeldPlan()


def _granted(item: Mapping[str, Any], before: HeldPlan) -> bool:
    told = (item["stripe_subscription_item_id"], item["stripe_price_id"])
    is_same = told == (before.item_id, before.price_id)
    return is_same and item["plan_id"] is None and item["quantity"] != 0


def _expires_at(snapshot: SubscriptionSnapshot, period_end: datetime | None) -> datetime | None:
    # `cancel_at` may be set without `cancel_at_period_end`: portal and flexible billing do so.
    if snapshot.ended_at or snapshot.cancel_at:
        return snapshot.ended_at or snapshot.cancel_at
    return period_end if snapshot.cancel_at_period_end else None


def _item_columns(item: ItemSnapshot, plan: PlanRank | None) -> dict[str, Any]:
    return {
        "stripe_subscription_item_id": item.id,
        "stripe_price_id": item.price.id,
        "stripe_product_id": item.price.product_id,
        "plan_id": plan.id if plan else None,
        "quantity": item.quantity,
        "current_period_start": item.period_start,
        "current_period_end": item.period_end,
    }
