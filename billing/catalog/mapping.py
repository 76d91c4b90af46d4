"""Which plan does a price buy? Four rules, the first that answers; never an amount or a name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa

from billing.database.built import send, table
from billing.models import PlanPrice, StripeProduct, SubscriptionPlan
from billing.stripe_api.snapshots import PriceSnapshot, ProductSnapshot

INTERVALS = {"day", "week", "month", "year", "monthly", "yearly"}
CURRENCY = re.compile(r"_[a-z]{3}$")

PLANS, PRICES, KNOWN = table(SubscriptionPlan), table(PlanPrice), table(StripeProduct)
PRICED = sa.and_(
    PRICES.c.plan_id == PLANS.c.id,
    PRICES.c.stripe_price_id.in_(sa.bindparam("price_ids", expanding=True)),
)
NO_PRODUCT = sa.null().cast(sa.String()).label("product_id")
NO_PLAN = (
    sa.null().cast(sa.Uuid()).label("id"),
    sa.null().cast(sa.Integer()).label("rank"),
    sa.null().cast(sa.String()).label("stripe_price_id"),
)
KNOWN_HERE = sa.union_all(
    sa.select(
        PLANS.c.id,
        PLANS.c.rank,
        PRICES.c.stripe_price_id,
        PLANS.c.name,
        NO_PRODUCT,
    ).select_from(PLANS.outerjoin(PRICES, PRICED)),
    sa.select(*NO_PLAN, KNOWN.c.plan_name, KNOWN.c.id).where(
        KNOWN.c.id.in_(sa.bindparam("product_ids", expanding=True)), KNOWN.c.synced > 0
    ),
)
"""Every plan with those of its prices that are asked for; then products with what they buy."""


@dataclass(frozen=True, slots=True)
class PlanRank:
    """A plan as mapping needs it; the highest rank wins."""

    id: UUID
    name: str
    rank: int


@dataclass(frozen=True, slots=True)
class PriceMap:
    """What is known here about some prices and their products."""

    plans: Mapping[str, PlanRank]
    by_price: Mapping[str, str]
    by_product: Mapping[str, str | None]

    @classmethod
    def load(cls, prices: Iterable[PriceSnapshot], price_ids: Iterable[str] = ()) -> "PriceMap":
        """Read what these prices, and those known by id alone, may map to."""
        prices = list(prices)
        ids = {*price_ids, *(price.id for price in prices)}
        product_ids = {price.product_id for price in prices if price.product_id}
        rows = send(KNOWN_HERE, price_ids=list(ids), product_ids=list(product_ids)).all()
        plans = [row for row in rows if row.product_id is None]
        return cls(
            {row.name: PlanRank(row.id, row.name, row.rank) for row in plans},
            {row.stripe_price_id: row.name for row in plans if row.stripe_price_id},
            {row.product_id: row.name for row in rows if row.product_id is not None},
        )

    def with_products(self, products: Mapping[str, ProductSnapshot]) -> "PriceMap":
        """Add what was just fetched of products not known here."""
        told = {product.id: product.plan_name for product in products.values()}
        return replace(self, by_product={**told, **self.by_product})

    def plan_of(self, price: PriceSnapshot) -> PlanRank | None:
        """Name the plan of the price, or None: the price is not ours to judge."""
        for name in self._names(price):
            if name in self.plans:
                return self.plans[name]
        return None

    def plan_of_id(self, price_id: str) -> PlanRank | None:
        """Name the plan of a price of which only the id is known."""
        return self.plans.get(self.by_price.get(price_id, ""))

    def needs_product(self, price: PriceSnapshot) -> bool:
        """Tell whether only the product, which is not known here, could answer."""
        known = price.product_plan_name or price.product_id in self.by_product
        return self.plan_of(price) is None and price.product_id is not None and not known

    def _names(self, price: PriceSnapshot) -> Iterable[str]:
        told = (
            self.by_price.get(price.id),
            price.plan_name,
            plan_of_lookup_key(price.lookup_key),
            price.product_plan_name or self.by_product.get(price.product_id or ""),
        )
        return [name for name in told if name]


def plan_of_lookup_key(lookup_key: str | None) -> str | None:
    """Read `<plan>_<interval>`, or `<plan>_<interval>_<currency>`."""
    text = lookup_key or ""
    for key in (text, CURRENCY.sub("", text)):
        plan, _, interval = key.rpartition("_")
        if plan and interval in INTERVALS:
            return plan
    return None
