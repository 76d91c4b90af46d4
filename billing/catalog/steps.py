"""What would have to be done at Stripe, so that it sells what plans.toml describes?

Each function reads Stripe and names the steps of one kind that are missing. They are taken in the
order of STAGES, and what was done is not named again: whoever is cut off runs it once more.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from billing.catalog.plans import OfferedPlan, OfferedPrice
from billing.settings import settings
from billing.stripe_api.attempts import attempt
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import PriceSnapshot, ProductSnapshot

MANAGED = {"billing": "catalog"}
"""The metadata of the prices that we made; others are nobody's business here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: how it reads in a difference (+ - ~), what it makes, and the doing."""

    text: str
    take: Callable[[], object]
    lookup_key: str | None = None


def sold(plans: Iterable[OfferedPlan]) -> list[OfferedPlan]:
    """The plans that are bought at Stripe."""
    return [plan for plan in plans if plan.prices]


def lookup_key(plan: OfferedPlan, price: OfferedPrice) -> str:
    """Name a price: `pro_month`, in another than the default currency `pro_month_eur`."""
    key = f"{plan.name}_{price.interval}"
    return key if price.currency == settings().default_currency else f"{key}_{price.currency}"


def products_by_plan() -> dict[str, ProductSnapshot]:
    """Every product that is marked as a plan's; the one on sale where there are several."""
    marked = [one for one in gateway().products() if one.plan_name]
    return {str(one.plan_name): one for one in sorted(marked, key=lambda one: one.active)}


def products(plans: list[OfferedPlan]) -> Iterator[Step]:
    """Products that are missing, or told otherwise."""
    held = products_by_plan()
    for plan in plans:
        product = held.get(plan.name)
        if product is None:
            yield Step(f"+ product {plan.name}", partial(_make_product, plan))
            continue
        for field, there, wanted in (
            ("name", product.name, plan.display_name),
            ("description", product.description or "", plan.description),
            ("active", product.active, plan.on_sale),
        ):
            if there != wanted:
                yield Step(
                    f"~ product {plan.name}: {field} {there!r} -> {wanted!r}",
                    partial(_tell_product, product.id, {field: wanted}),
                )


def prices(plans: list[OfferedPlan]) -> Iterator[Step]:
    """Prices that are missing or cost something else; a price is never mutated, but replaced."""
    wanted = {lookup_key(plan, price): (plan, price) for plan in plans for price in plan.prices}
    found = gateway().prices_by_lookup_key(list(wanted))
    held = {price.lookup_key: price for price in found if price.active}
    for key, (plan, price) in wanted.items():
        there = held.get(key)
        if there is None:
            text = f"+ price {key}: {_money(price.amount_cents, price.currency)}"
        elif not _is_same(there, price):
            before, after = there.unit_amount, price.amount_cents
            text = (
                f"~ price {key}: {before} -> {_money(after, price.currency)}, who has it keeps it"
            )
        else:
            continue
        yield Step(text, partial(_make_price, key, plan, price), key)


def old_prices(plans: list[OfferedPlan]) -> Iterator[Step]:
    """Prices that we made once and that plans.toml does not name any more."""
    wanted = {lookup_key(plan, price) for plan in plans for price in plan.prices}
    for product in products_by_plan().values():
        for price in gateway().prices_of(product.id):
            if price.active and price.is_managed and price.lookup_key not in wanted:
                name = price.lookup_key or f"{price.interval} {price.unit_amount} {price.currency}"
                yield Step(
                    f"- price {name} of {product.plan_name} ({price.id}): sold no more",
                    partial(_archive_price, price.id),
                )


def features(plans: list[OfferedPlan]) -> Iterator[Step]:
    """Features that Stripe does not know."""
    known = {feature.lookup_key for feature in gateway().features()}
    for name in sorted({name for plan in plans for name in plan.features} - known):
        yield Step(f"+ feature {name}", partial(_make_feature, name))


def attachments(plans: list[OfferedPlan]) -> Iterator[Step]:
    """Features that a product lacks, or has too many."""
    held = products_by_plan()
    for plan in plans:
        product = held.get(plan.name)
        given = gateway().features_of_product(product.id) if product else {}
        for name in sorted(set(plan.features) - given.keys()):
            yield Step(
                f"+ feature {name} of {plan.name}",
                partial(_attach, plan, name),
            )
        for name in sorted(given.keys() - set(plan.features)):
            yield Step(
                f"- feature {name} of {plan.name}",
                partial(_detach, plan, given[name]),
            )


def _is_same(there: PriceSnapshot, wanted: OfferedPrice) -> bool:
    told = (there.unit_amount, there.currency, there.interval, there.interval_count)
    return told == (wanted.amount_cents, wanted.currency, wanted.interval, 1)


def _money(amount: int, currency: str) -> str:
    return f"{amount} {currency}"


def _make_product(plan: OfferedPlan) -> None:
    described = {"description": plan.description} if plan.description else {}
    told = {"name": plan.display_name, "metadata": {"plan": plan.name}, **described}
    with attempt(f"product:{plan.name}:after:{len(gateway().products())}") as key:
        gateway().create_product(told, idempotency_key=key)


def _make_price(key: str, plan: OfferedPlan, price: OfferedPrice) -> None:
    product = products_by_plan()[plan.name]
    told: dict[str, Any] = {
        "product": product.id,
        "lookup_key": key,
        "currency": price.currency,
        "unit_amount": price.amount_cents,
        "recurring": {"interval": price.interval},
        "metadata": {"plan": plan.name, **MANAGED},
    }
    # So many prices the product had: what was taken away since can be made anew.
    earlier = len(gateway().prices_of(product.id))
    with attempt(f"price:{product.id}:{key}:{price.amount_cents}:{earlier}") as idempotency_key:
        gateway().create_price(told, idempotency_key=idempotency_key)


def _tell_product(product_id: str, told: dict[str, Any]) -> None:
    gateway().set_product(product_id, told)


def _archive_price(price_id: str) -> None:
    gateway().archive_price(price_id)


def _make_feature(lookup_key: str) -> None:
    with attempt(f"feature:{lookup_key}") as key:
        gateway().create_feature(lookup_key, idempotency_key=key)


def _attach(plan: OfferedPlan, name: str) -> None:
    ids = {feature.lookup_key: feature.id for feature in gateway().features()}
    gateway().attach_feature(products_by_plan()[plan.name].id, ids[name])


def _detach(plan: OfferedPlan, attachment_id: str) -> None:
    gateway().detach_feature(products_by_plan()[plan.name].id, attachment_id)
