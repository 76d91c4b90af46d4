"""Which plan does a price buy? Four rules, the first that answers; never an amount or a name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database.built import send, table
from billing.models import IgnoredObject, PlanPrice, StripeProduct, SubscriptionPlan
from billing.stripe_api.snapshots import PriceSnapshot, ProductSnapshot

INTERVAL = re.compile(r"(\d*(day|week|month|year))|monthly|yearly")
CURRENCY = re.compile(r"_[a-z]{3}$")

PLANS, PRICES, KNOWN = table(SubscriptionPlan), table(PlanPrice), table(StripeProduct)
IGNORED = table(IgnoredObject)
PRICE_IDS: sa.BindParameter[Any] = sa.bindparam("price_ids", expanding=True)
PRODUCT_IDS: sa.BindParameter[Any] = sa.bindparam("product_ids", expanding=True)
IS_IGNORED = sa.exists().where(
    IGNORED.c.stripe_id.in_((PRICES.c.stripe_price_id, PRICES.c.stripe_product_id))
)
PRICED = sa.and_(
    PRICES.c.plan_id == PLANS.c.id,
    PRICES.c.stripe_price_id.in_(PRICE_IDS),
    sa.not_(IS_IGNORED),
)
NO_NAME = sa.null().cast(sa.String())
NO_PRODUCT = NO_NAME.label("product_id")
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
        sa.literal("plan").label("what"),
    ).select_from(PLANS.outerjoin(PRICES, PRICED)),
    sa.select(*NO_PLAN, KNOWN.c.plan_name, KNOWN.c.id, sa.literal("product")).where(
        KNOWN.c.id.in_(PRODUCT_IDS), KNOWN.c.synced > 0
    ),
    sa.select(*NO_PLAN, NO_NAME, PRICES.c.stripe_product_id, sa.literal("seller")).where(
        PRICES.c.stripe_product_id.in_(PRODUCT_IDS), sa.not_(IS_IGNORED)
    ),
    sa.select(*NO_PLAN, NO_NAME, IGNORED.c.stripe_id, sa.literal("ignored")).where(
        sa.or_(IGNORED.c.stripe_id.in_(PRICE_IDS), IGNORED.c.stripe_id.in_(PRODUCT_IDS))
    ),
)
"""Plans with the prices asked for; products with what they buy; which sell; what is ignored."""


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
    sellers: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    @classmethod
    def load(cls, prices: Iterable[PriceSnapshot], price_ids: Iterable[str] = ()) -> "PriceMap":
        """Read what these prices, and those known by id alone, may map to."""
        prices = list(prices)
        ids = {*price_ids, *(price.id for price in prices)}
        product_ids = {price.product_id for price in prices if price.product_id}
        rows = send(KNOWN_HERE, price_ids=list(ids), product_ids=list(product_ids)).all()
        plans = [row for row in rows if row.what == "plan"]
        return cls(
            {row.name: PlanRank(row.id, row.name, row.rank) for row in plans},
            {row.stripe_price_id: row.name for row in plans if row.stripe_price_id},
            {row.product_id: row.name for row in rows if row.what == "product"},
            frozenset(row.product_id for row in rows if row.what == "seller"),
            frozenset(row.product_id for row in rows if row.what == "ignored"),
        )

    def with_products(self, products: Mapping[str, ProductSnapshot]) -> "PriceMap":
        """Add what was just fetched of products not known here."""
        told = {product.id: product.plan_name for product in products.values()}
        return replace(self, by_product={**told, **self.by_product})

    def plan_of(self, price: PriceSnapshot) -> PlanRank | None:
        """Return the plan of the price; None where nothing names one or the price is ignored."""
        if self.is_ignored(price):
            return None
        for name in self._names(price):
            if name in self.plans:
                return self.plans[name]
        return None

    def plan_of_id(self, price_id: str) -> PlanRank | None:
        """Name the plan of a price of which only the id is known."""
        return self.plans.get(self.by_price.get(price_id, ""))

    def is_ignored(self, price: PriceSnapshot) -> bool:
        """Check whether the operator said that the price, or its product, is not ours."""
        return price.id in self.ignored or (price.product_id or "") in self.ignored

    def sells_a_plan(self, price: PriceSnapshot) -> bool:
        """Check whether the product of the price also sells a plan."""
        product_id = price.product_id or ""
        return product_id in self.sellers or self.by_product.get(product_id) in self.plans

    def needs_product(self, price: PriceSnapshot) -> bool:
        """Tell whether only the product, which is not known here, could answer."""
        known = price.product_plan_name or price.product_id in self.by_product
        if self.is_ignored(price) or price.product_id is None or known:
            return False
        return self.plan_of(price) is None

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
        if plan and INTERVAL.fullmatch(interval):
            return plan
    return None


def key_of_price(plan_name: str, interval: str, interval_count: int = 1) -> str:
    """Return the lookup key in the default currency: `pro_month`, every three `pro_3month`."""
    return f"{plan_name}_{interval_name(interval, interval_count)}"


def interval_name(interval: str | None, interval_count: int | None = 1) -> str:
    """Return one name for an interval and its count: `month`, every three `3month`."""
    return f"{'' if interval_count in {None, 1} else interval_count}{interval or ''}"


def interval_parts(name: str) -> tuple[str, int]:
    """Return Stripe's `interval` and `interval_count` of such a name."""
    unit = name.lstrip("0123456789")
    return unit, int(name.removesuffix(unit) or 1)
