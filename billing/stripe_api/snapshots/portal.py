"""What may customers do in the portal?"""

from dataclasses import dataclass
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, metadata_of, own_id, part_of


@dataclass(frozen=True, slots=True)
class PortalConfiguration:
    """A configuration; `mark` is its `metadata.billing`, `features` as Stripe tells them."""

    id: str
    mark: str | None
    features: Json

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(own_id(data), metadata_of(data, "billing"), part_of(data, "features"))
