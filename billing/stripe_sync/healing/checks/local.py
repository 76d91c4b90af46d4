"""What do our own rows say that only a person can mend?"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from billing.catalog.ownership import GRANTING
from billing.database import reading
from billing.models import DriftKind, IgnoredObject, SubscriptionItem, UserSubscription
from billing.models.subscriptions import TERMINAL
from billing.stripe_sync.healing.checks.walk import Checked, Walk
from billing.stripe_sync.healing.drift import Finding

LIVE = UserSubscription.status.not_in(TERMINAL)
PAID = sa.and_(UserSubscription.status.in_(GRANTING), UserSubscription.is_ours)
IS_IGNORED = (
    sa.exists()
    .where(
        SubscriptionItem.subscription_id == UserSubscription.id,
        IgnoredObject.stripe_id.in_(
            (SubscriptionItem.stripe_price_id, SubscriptionItem.stripe_product_id)
        ),
    )
    .correlate(UserSubscription)
)


def left_to_a_person(walk: Walk, after: str | None) -> Iterator[Checked]:
    """Live subscriptions: two that are paid at once, of no user, of no plan and not ignored."""
    yield Checked(0, [*_doubles(), *_unlinked(), *_unmapped()], None)


def _doubles() -> Iterator[Finding]:
    customer = UserSubscription.stripe_customer_id
    for customer_id, count in _counted(customer, PAID, having=sa.func.count() > 1):
        yield Finding(DriftKind.TWO_LIVE_SUBSCRIPTIONS, customer_id, f"{count} live at once")


def _unlinked() -> Iterator[Finding]:
    customer = UserSubscription.stripe_customer_id
    for customer_id, _ in _counted(
        customer, UserSubscription.user_id.is_(None), UserSubscription.is_ours.is_(True)
    ):
        yield Finding(DriftKind.UNLINKED, customer_id, "live, and of no user")


def _unmapped() -> Iterator[Finding]:
    price = UserSubscription.stripe_price_id
    for price_id, count in _counted(price, UserSubscription.plan_id.is_(None), ~IS_IGNORED):
        yield Finding(DriftKind.UNMAPPED_PRICE, price_id or "?", f"held {count} times")


def _counted(
    by: sa.SQLColumnExpression[Any],
    *conditions: sa.ColumnElement[bool],
    having: sa.ColumnElement[bool] | None = None,
) -> list[tuple[Any, int]]:
    counted = sa.select(by, sa.func.count()).where(LIVE, *conditions).group_by(by).order_by(by)
    with reading() as session:
        rows = session.execute(counted if having is None else counted.having(having))
        return [(row[0], row[1]) for row in rows]
