"""What may customers do in Stripe's portal? One configuration, found by its mark."""

from collections.abc import Iterator, Mapping
from typing import Any

from billing.catalog.plans import OfferedPlan
from billing.catalog.steps import Step, lookup_key, products_by_plan
from billing.settings import settings
from billing.stripe_api.attempts import attempt
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import PortalConfiguration

MARK = "portal"
"""`metadata.billing` of our configuration."""


def ours() -> PortalConfiguration | None:
    """Find our configuration at Stripe."""
    marked = [one for one in gateway().portal_configurations() if one.mark == MARK]
    return marked[-1] if marked else None  # the oldest: the list begins with the newest


def portal(plans: list[OfferedPlan]) -> Iterator[Step]:
    """The configuration, if it is missing or allows something else."""
    held, wanted = ours(), wanted_features(plans)
    if held is None:
        yield Step("+ portal configuration", lambda: _make(plans))
    elif not _agrees(held.features, wanted):
        yield Step(
            "~ portal configuration: " + ", ".join(_differing(held.features, wanted)),
            lambda: gateway().set_portal_configuration(
                held.id, {"features": wanted_features(plans)}
            ),
        )


def wanted_features(plans: list[OfferedPlan]) -> dict[str, Any]:
    """Invoices, card, an end with the period, and a switch among our own prices."""
    offered = _offered(plans)
    switch: dict[str, Any] = {"enabled": bool(offered)}
    if offered:
        switch |= {
            "default_allowed_updates": ["price"],
            "products": offered,
            "proration_behavior": "always_invoice",
            "schedule_at_period_end": {
                "conditions": [
                    {"type": "decreasing_item_amount"},
                    {"type": "shortening_interval"},
                ]
            },
        }
    return {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_pause": {"enabled": settings().portal_pause},
        "subscription_update": switch,
    }


def _offered(plans: list[OfferedPlan]) -> list[dict[str, Any]]:
    """Prices in the default currency: the portal takes one of each interval for a product."""
    currency = settings().default_currency
    keys = {
        lookup_key(plan, price)
        for plan in plans
        for price in plan.prices
        if plan.on_sale and price.currency == currency
    }
    found = gateway().prices_by_lookup_key(sorted(keys)) if keys else []
    by_product: dict[str, list[str]] = {}
    for price in sorted(found, key=lambda price: price.lookup_key or ""):
        if price.active and price.product_id:
            by_product.setdefault(price.product_id, []).append(price.id)
    held = products_by_plan()
    ids = [held[plan.name].id for plan in plans if plan.name in held]
    return [{"product": one, "prices": by_product[one]} for one in ids if one in by_product]


def _make(plans: list[OfferedPlan]) -> None:
    told = {"features": wanted_features(plans), "metadata": {"billing": MARK}, "name": "Billing"}
    with attempt(f"portal:after:{len(gateway().portal_configurations())}") as key:
        gateway().create_portal_configuration(told, idempotency_key=key)


def _differing(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [name for name, told in wanted.items() if not _agrees(held.get(name), told)]


def _agrees(held: Any, wanted: Any) -> bool:
    """Tell whether all that is wanted is held; what else is held does not matter."""
    if isinstance(wanted, Mapping):
        told = held if isinstance(held, Mapping) else {}
        return all(_agrees(told.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(held, list)
            and len(held) == len(wanted)
            and all(any(_agrees(one, value) for one in held) for value in wanted)
        )
    return bool(held == wanted)
