"""What does a product sell now? Its prices, followed into `plan_prices` where a plan is named."""

from dataclasses import dataclass

import sqlalchemy as sa

from billing.catalog import ownership
from billing.catalog.mapping import PlanRank, PriceMap, key_of_price
from billing.database import db, insert
from billing.models import Cause, PlanPrice, StripeProduct, SubscriptionItem, UserSubscription
from billing.settings import settings
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import PriceSnapshot, ProductSnapshot
from billing.stripe_sync import counters
from billing.stripe_sync.subjects import Part, Subject


@dataclass(frozen=True, slots=True)
class ProductTruth:
    """A product and its prices; None when Stripe no longer knows it."""

    id: str
    product: ProductSnapshot | None
    prices: tuple[PriceSnapshot, ...]

    def store(self, generation: int, cause: Cause) -> bool:
        """Keep the product, follow its prices, and refresh who holds one that maps anew."""
        product = self.product
        db.session.execute(
            sa.update(StripeProduct)
            .where(StripeProduct.id == self.id)
            .values(
                name=product.name if product else StripeProduct.name,
                active=bool(product and product.active),
                plan_name=product.plan_name if product else StripeProduct.plan_name,
                deleted=product is None or product.deleted,
                synced=generation,
            )
        )
        if product is None or product.deleted:
            self._take_off_sale()
        for price in self.prices:
            follow_price(price)
        return True

    def _take_off_sale(self) -> None:
        db.session.execute(
            sa.update(PlanPrice).where(PlanPrice.stripe_product_id == self.id).values(active=False)
        )


def fetch(gateway: StripeGateway, product_id: str, parts: frozenset[Part]) -> ProductTruth:
    """Read the product and every price of it, inactive ones too."""
    try:
        product = gateway.product(product_id)
    except StripeMissing:
        return ProductTruth(product_id, None, ())
    prices = () if product.deleted else tuple(gateway.prices_of(product_id))
    return ProductTruth(product_id, product, prices)


def follow_price(price: PriceSnapshot) -> None:
    """Keep the price if it maps to a plan; a price once mapped keeps its plan."""
    plan = PriceMap.load([price]).plan_of(price)
    if plan is not None and price.interval is not None:
        map_price(price, plan, is_offered=_is_of_the_file(price, plan))


def map_price(price: PriceSnapshot, plan: PlanRank, *, is_offered: bool = False) -> int:
    """Let the price buy the plan; ask for a refresh of every customer concerned; count them.

    A price once offered stays so until its lookup key moves; a metered one is never offered.
    """
    row = insert(PlanPrice).values(
        plan_id=plan.id,
        stripe_price_id=price.id,
        stripe_product_id=price.product_id,
        lookup_key=price.lookup_key,
        currency=price.currency,
        interval=price.interval,
        interval_count=price.interval_count,
        unit_amount=price.unit_amount,
        active=price.active,
        offered=is_offered and not ownership.is_metered(price),
    )
    keeps_its_key = PlanPrice.lookup_key.is_not_distinct_from(row.excluded.lookup_key)
    is_licensed = sa.literal(not ownership.is_metered(price))
    is_still_offered = sa.and_(PlanPrice.offered, keeps_its_key, is_licensed)
    followed = ("plan_id", "lookup_key", "currency", "unit_amount", "active")
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["stripe_price_id"],
            set_={name: row.excluded[name] for name in followed}
            | {"offered": sa.or_(row.excluded.offered, is_still_offered)},
        )
    )
    holders = _holders_to_remap(price, plan)
    for customer_id in holders:
        counters.ask(Subject.customer(customer_id))
    return len(holders)


def _is_of_the_file(price: PriceSnapshot, plan: PlanRank) -> bool:
    """Check for the name that `catalog apply` gives: plan, interval and currency of this price."""
    key = key_of_price(plan.name, price.interval or "", price.interval_count)
    is_default = price.currency == settings().default_currency
    return price.lookup_key in ({key} if is_default else {f"{key}_{price.currency}"})


def _holders_to_remap(price: PriceSnapshot, plan: PlanRank) -> list[str]:
    return list(
        db.session.scalars(
            sa.select(UserSubscription.stripe_customer_id)
            .join(SubscriptionItem, SubscriptionItem.subscription_id == UserSubscription.id)
            .where(
                sa.or_(
                    sa.and_(
                        SubscriptionItem.stripe_price_id == price.id,
                        SubscriptionItem.plan_id.is_distinct_from(plan.id),
                    ),
                    sa.and_(
                        SubscriptionItem.stripe_product_id == price.product_id,
                        sa.not_(UserSubscription.is_ours),
                    ),
                ),
            )
            .distinct()
            .order_by(UserSubscription.stripe_customer_id)  # one order of locks: no deadlock
        )
    )
