"""Terms of a schedule's phase and of its items, as Stripe takes them back.

An update of a schedule replaces its phases: what the request leaves out of one is no longer part
of it (https://docs.stripe.com/billing/subscriptions/subscription-schedules).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from billing.stripe_api.snapshots.shapes import Json, id_of, list_of, part_of


@dataclass(frozen=True, slots=True)
class PhaseTerms:
    """Terms of the phase in progress beside its dates, and of its items by their price."""

    phase: Json
    items: Mapping[str, Json]

    @classmethod
    def from_stripe(cls, schedule: Json) -> Self:
        """Read the dict of a schedule."""
        phase = _current_phase(schedule)
        items = [(id_of(item.get("price")), item) for item in list_of(phase, "items")]
        return cls(
            phase=_terms(phase, PHASE_TERMS),
            items={price_id: _terms(item, ITEM_TERMS) for price_id, item in items if price_id},
        )


def _current_phase(schedule: Json) -> Json:
    began = part_of(schedule, "current_phase").get("start_date")
    phases = list_of(schedule, "phases") if began else []
    return next((phase for phase in phases if phase.get("start_date") == began), {})


def _terms(source: Json, readers: Mapping[str, Callable[[Any], Any]]) -> Json:
    terms = {name: read(source[name]) for name, read in readers.items() if source.get(name)}
    return {name: value for name, value in terms.items() if value not in (None, {}, [])}


def _discounts(told: Any) -> list[Json]:
    """Name each discount by the most exact of its ids."""
    names = ("discount", "promotion_code", "coupon")
    found = [{name: id_of(each.get(name)) for name in names} for each in told]
    known = [[(name, each[name]) for name in names if each[name]] for each in found]
    return [dict(ids[:1]) for ids in known if ids]


def _ids(told: Any) -> list[str]:
    return [found for found in map(id_of, told) if found]


def _plain(told: Any) -> Any:
    """Return a value without its nulls, and each expanded object as its id."""
    if isinstance(told, Mapping):
        if "object" in told and "id" in told:
            return told["id"]
        return {name: _plain(value) for name, value in told.items() if value not in (None, [])}
    return [_plain(value) for value in told] if isinstance(told, list) else told


def _automatic_tax(told: Any) -> Any:
    return _plain({name: told.get(name) for name in ("enabled", "liability")})


PHASE_TERMS: dict[str, Callable[[Any], Any]] = {
    "application_fee_percent": _plain,
    "automatic_tax": _automatic_tax,
    "billing_thresholds": _plain,
    "collection_method": _plain,
    "default_payment_method": id_of,
    "default_tax_rates": _ids,
    "description": _plain,
    "discounts": _discounts,
    "invoice_settings": _plain,
    "metadata": dict,
    "on_behalf_of": id_of,
    "transfer_data": _plain,
}

ITEM_TERMS: dict[str, Callable[[Any], Any]] = {
    "billing_thresholds": _plain,
    "discounts": _discounts,
    "metadata": dict,
    "tax_rates": _ids,
}
