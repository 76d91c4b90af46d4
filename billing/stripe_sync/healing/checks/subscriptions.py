"""Are the subscriptions here, the same, and still known to Stripe?"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from billing.catalog.mapping import PriceMap
from billing.database import reading
from billing.models import DriftKind, UserSubscription
from billing.models.subscriptions import TERMINAL
from billing.stripe_api import listings
from billing.stripe_api.connection import PAGE
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.checks.walk import Checked, Walk
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.projection import FIELDS, pending_of, planned_price_ids, project
from billing.stripe_sync.subjects import Part, Subject


def at_stripe(walk: Walk, after: str | None) -> Iterator[Checked]:
    """Every subscription at Stripe: is it here, and the same?"""
    new_with = {Part.ENTITLEMENTS} if walk.gateway.has_features() else set()
    for page in listings.subscriptions(walk.gateway, after):
        walk.shown.update(snapshot.id for snapshot in page.objects)
        yield Checked(len(page.objects), _differing(page.objects, new_with), page.cursor)


def gone(walk: Walk, after: str | None) -> Iterator[Checked]:
    """Every subscription that lives here and was not shown: does Stripe still know it?"""
    for rows in _pages_of_live(after):
        unseen = [row for row in rows if row.stripe_subscription_id not in walk.shown]
        findings = [
            Finding(
                DriftKind.MISSING_REMOTE,
                row.stripe_subscription_id,
                f"{row.status} here, unknown to Stripe",
                Subject.customer(row.stripe_customer_id),
            )
            for row in unseen
            if not _is_known(walk.gateway, row.stripe_subscription_id)
        ]
        yield Checked(len(unseen), findings, rows[-1].stripe_subscription_id)


def _differing(snapshots: list[SubscriptionSnapshot], new_with: set[Part]) -> list[Finding]:
    with reading() as session:
        columns = [getattr(UserSubscription, name) for name in FIELDS]
        rows = session.execute(
            sa.select(UserSubscription.stripe_subscription_id, *columns).where(
                UserSubscription.stripe_subscription_id.in_([one.id for one in snapshots])
            )
        )
        stored = {row.stripe_subscription_id: row for row in rows}
        prices = PriceMap.load(
            [item.price for one in snapshots for item in one.items],
            [price_id for one in snapshots for price_id in planned_price_ids(one)],
        )
    return [
        finding
        for one in snapshots
        for finding in drift.compare(
            one.id,
            stored.get(one.id),
            project(one, prices, None, pending_of(one, prices)),
            new_with=new_with,
        )
    ]


def _pages_of_live(after: str | None) -> Iterator[list[sa.Row[Any]]]:
    while True:
        with reading() as session:
            rows: list[sa.Row[Any]] = list(
                session.execute(
                    sa.select(
                        UserSubscription.stripe_subscription_id,
                        UserSubscription.stripe_customer_id,
                        UserSubscription.status,
                    )
                    .where(
                        UserSubscription.status.not_in(TERMINAL),
                        UserSubscription.stripe_subscription_id > (after or ""),
                    )
                    .order_by(UserSubscription.stripe_subscription_id)
                    .limit(PAGE)
                )
            )
        if not rows:
            return
        yield rows
        after = rows[-1].stripe_subscription_id


def _is_known(gateway: StripeGateway, subscription_id: str) -> bool:
    try:
        gateway.subscription(subscription_id)
    except StripeMissing:
        return False
    return True
