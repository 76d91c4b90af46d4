"""The rule for what is ours: which subscription counts, and which of its items is the plan item.

Pure: it reads a snapshot and what is known of its prices, and calls nobody. Every part of the
service that asks one of these questions asks here (docs/adr/0013-one-rule-for-ours.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from billing.catalog.mapping import PlanRank, PriceMap
from billing.models import Status
from billing.stripe_api.snapshots import ItemSnapshot, PriceSnapshot, SubscriptionSnapshot

GRANTING = frozenset({Status.ACTIVE, Status.TRIALING, Status.PAST_DUE})
METERED = "metered"


@dataclass(frozen=True, slots=True)
class PlanItem:
    """The item that counts. `plan` is None where it grants none; `item` then is only shown."""

    item: ItemSnapshot | None
    plan: PlanRank | None


def is_ours(subscription: SubscriptionSnapshot, prices: PriceMap) -> bool:
    """Check whether the subscription is ours: what was ignored never makes it so."""
    items = [item for item in subscription.items if not prices.is_ignored(item.price)]
    if not items:
        return False
    return _is_user_id(subscription.claimed_user_id) or any(
        prices.plan_of(item.price) or prices.sells_a_plan(item.price) for item in items
    )


def plan_item(subscription: SubscriptionSnapshot, prices: PriceMap) -> PlanItem:
    """Return the licensed item of the highest rank, else the metered one; ties: lowest id.

    An item of quantity 0 grants nothing, and a metered one nothing beside a licensed one.
    """
    mapped = [(item, plan) for item in subscription.items if (plan := prices.plan_of(item.price))]
    licensed = [pair for pair in mapped if not is_metered(pair[0].price, pair[0].quantity)]
    counted = [pair for pair in licensed or mapped if pair[0].quantity != 0]
    if counted:
        return PlanItem(*min(counted, key=lambda pair: (-pair[1].rank, pair[0].id)))
    return PlanItem(_shown(subscription.items, prices), None)


def is_metered(price: PriceSnapshot, quantity: int | None = 1) -> bool:
    """Check whether usage is billed: old objects say so by having no quantity."""
    return price.usage_type == METERED or (price.usage_type is None and quantity is None)


def preference(status: str, plan: PlanRank | None) -> tuple[bool, int]:
    """Return the order of live subscriptions: a granting one first, then the highest rank."""
    return Status.read(status) in GRANTING, plan.rank if plan else -1


def _shown(items: Iterable[ItemSnapshot], prices: PriceMap) -> ItemSnapshot | None:
    return min(items, key=lambda item: (prices.is_ignored(item.price), item.id), default=None)


def _is_user_id(text: str | None) -> bool:
    try:
        return text is not None and bool(UUID(text))
    except ValueError:
        return False
