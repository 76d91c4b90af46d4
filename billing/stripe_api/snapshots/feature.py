"""Features of Stripe's entitlements."""

from dataclasses import dataclass
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, own_id, required


@dataclass(frozen=True, slots=True)
class FeatureSnapshot:
    """A feature, by the lookup key that plans.toml names it by."""

    id: str
    lookup_key: str

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(own_id(data), required(data, "lookup_key"))
