"""Are the prices that buy a plan here, and the same?"""

from collections.abc import Iterator

import sqlalchemy as sa

from billing.catalog.mapping import PriceMap
from billing.database import reading
from billing.models import DriftKind, PlanPrice
from billing.stripe_api import listings
from billing.stripe_api.snapshots import PriceSnapshot
from billing.stripe_sync.healing.checks.walk import Checked, Walk
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.subjects import Subject


def active(walk: Walk, after: str | None) -> Iterator[Checked]:
    """Every price that is sold."""
    for page in listings.prices(walk.gateway, after, active=True):
        yield Checked(len(page.objects), _differing(page.objects), page.cursor)


def inactive(walk: Walk, after: str | None) -> Iterator[Checked]:
    """Every price that is sold no more, and may still have holders."""
    for page in listings.prices(walk.gateway, after, active=False):
        yield Checked(len(page.objects), _differing(page.objects), page.cursor)


def _differing(prices: list[PriceSnapshot]) -> list[Finding]:
    with reading() as session:
        known = PriceMap.load(prices)
        rows = {
            row.stripe_price_id: row
            for row in session.execute(
                sa.select(
                    PlanPrice.stripe_price_id,
                    PlanPrice.unit_amount,
                    PlanPrice.lookup_key,
                    PlanPrice.active,
                ).where(PlanPrice.stripe_price_id.in_([price.id for price in prices]))
            )
        }
    findings = []
    for price in prices:
        row = rows.get(price.id)
        there = (price.unit_amount, price.lookup_key, price.active)
        here = (row.unit_amount, row.lookup_key, row.active) if row else None
        if known.plan_of(price) is not None and here != there and price.product_id:
            detail = f"{here or 'nothing'} here, {there} at Stripe"
            subject = Subject.product(price.product_id)
            findings.append(Finding(DriftKind.PRICE, price.id, detail, subject))
    return findings
