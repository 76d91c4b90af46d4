"""Does Stripe offer what plans.toml wants sold? What is missing is made, nothing changed."""

from collections.abc import Iterable
from dataclasses import dataclass

from billing.catalog.plans import OfferedPlan, OfferedPrice
from billing.database import transaction
from billing.models import Cause
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import PriceSnapshot, ProductSnapshot
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.subjects import Subject


@dataclass(frozen=True, slots=True)
class MissingPrice:
    """A price of plans.toml that has no price at Stripe under its lookup key."""

    plan: OfferedPlan
    price: OfferedPrice
    lookup_key: str


def missing_prices(plans: Iterable[OfferedPlan]) -> list[MissingPrice]:
    """Compare plans.toml with Stripe by lookup key."""
    wanted = [
        MissingPrice(plan, price, plan.lookup_key(price)) for plan in plans for price in plan.prices
    ]
    held = gateway().prices_by_lookup_key([one.lookup_key for one in wanted])
    keys = {price.lookup_key for price in held if price.active}
    return [one for one in wanted if one.lookup_key not in keys]


def apply(plans: Iterable[OfferedPlan]) -> list[PriceSnapshot]:
    """Make the missing products and prices, then follow every product that is ours.

    Safe to run twice, and after a crash: keys derive from what is made.
    """
    plans = list(plans)
    products = {
        product.plan_name: product for product in gateway().products_on_sale() if product.plan_name
    }
    made = []
    for missing in missing_prices(plans):
        product = products.get(missing.plan.name) or _make_product(missing.plan)
        products[missing.plan.name] = product
        made.append(
            gateway().create_price(
                product_id=product.id,
                lookup_key=missing.lookup_key,
                currency=missing.price.currency,
                interval=missing.price.interval,
                unit_amount=missing.price.amount_cents,
                earlier=len(gateway().prices_of(product.id)),
            )
        )
    names = {plan.name for plan in plans}
    for name, product in sorted(products.items()):
        if name in names:
            follow(product.id)
    return made


def follow(product_id: str) -> None:
    """Bring our rows of this product and its prices to Stripe's truth."""
    subject = Subject.product(product_id)
    with transaction():
        counters.ask(subject)
    refresh.run(subject, Cause.OPERATOR)


def _make_product(plan: OfferedPlan) -> ProductSnapshot:
    return gateway().create_product(
        plan_name=plan.name, name=plan.display_name, description=plan.description
    )
