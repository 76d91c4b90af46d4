"""What do we hold of a subscription, and what should we hold?"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from billing.catalog.mapping import PriceMap
from billing.database import db, reading
from billing.models import SubscriptionItem, UserSubscription
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync.projection import FIELDS, pending_of, project

ITEM_FIELDS = (
    "stripe_subscription_item_id",
    "stripe_price_id",
    "stripe_product_id",
    "plan_id",
    "quantity",
    "current_period_start",
    "current_period_end",
)

Projection = dict[str, Any]


def held() -> dict[str, Projection]:
    """Every stored subscription by its id at Stripe, as a caller could read it now."""
    with reading():
        items = _items()
        rows = db.session.execute(
            sa.select(
                UserSubscription.id,
                UserSubscription.stripe_subscription_id,
                *(getattr(UserSubscription, name) for name in FIELDS),
            )
        ).all()
    return {
        row.stripe_subscription_id: {
            **{name: getattr(row, name) for name in FIELDS},
            "items": items.get(row.id, []),
        }
        for row in rows
    }


def wanted(subscription: dict[str, Any], past_due_since: datetime | None = None) -> Projection:
    """What is to be stored of a subscription as Stripe holds it."""
    snapshot = SubscriptionSnapshot.from_stripe(subscription)
    with reading():
        prices = PriceMap.load([item.price for item in snapshot.items])
    projection = project(snapshot, prices, past_due_since, pending_of(snapshot, prices))
    return {**projection.columns, "items": [dict(item) for item in projection.items]}


def _items() -> dict[Any, list[Projection]]:
    rows = db.session.execute(
        sa.select(
            SubscriptionItem.subscription_id,
            *(getattr(SubscriptionItem, name) for name in ITEM_FIELDS),
        ).order_by(SubscriptionItem.stripe_subscription_item_id)
    )
    found: dict[Any, list[Projection]] = {}
    for row in rows:
        item = {name: getattr(row, name) for name in ITEM_FIELDS}
        found.setdefault(row.subscription_id, []).append(item)
    return found
