"""What Stripe's own entitlements say a customer may use."""

from dataclasses import dataclass
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, list_of, part_of, required, word_of


@dataclass(frozen=True, slots=True)
class EntitlementSummary:
    """The active features of a customer. With `has_more` they are not all here: list them."""

    customer_id: str
    lookup_keys: tuple[str, ...]
    has_more: bool

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        customer_id = required(data, "customer")
        entitled = list_of(data, "entitlements")
        keys = [_lookup_key(one) for one in entitled]
        return cls(
            customer_id=customer_id,
            lookup_keys=tuple(key for key in keys if key),
            has_more=part_of(data, "entitlements").get("has_more") is not False or None in keys,
        )


def _lookup_key(entitlement: Json) -> str | None:
    told = entitlement.get("lookup_key") or part_of(entitlement, "feature").get("lookup_key")
    return word_of(told)
