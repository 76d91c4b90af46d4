"""Products and prices, of any API version."""

from dataclasses import dataclass
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, count_of, id_of, metadata_of, part_of, text_of


@dataclass(frozen=True, slots=True)
class ProductSnapshot:
    """A product; `plan_name` is its `metadata.plan`."""

    id: str
    name: str | None
    active: bool
    plan_name: str | None
    deleted: bool

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        return cls(
            id=data["id"],
            name=text_of(data.get("name")),
            active=bool(data.get("active")),
            plan_name=metadata_of(data, "plan"),
            deleted=bool(data.get("deleted")),
        )


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """A price, or the plan object that came before prices. `unit_amount` is in minor units."""

    id: str
    product_id: str | None
    product_plan_name: str | None
    plan_name: str | None
    lookup_key: str | None
    currency: str
    interval: str | None
    interval_count: int
    unit_amount: int | None
    active: bool

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        # A plan (before prices, 2020) carries interval and amount at its top.
        recurring = part_of(data, "recurring") or data
        return cls(
            id=data["id"],
            product_id=id_of(data.get("product")),
            product_plan_name=metadata_of(part_of(data, "product"), "plan"),
            plan_name=metadata_of(data, "plan"),
            lookup_key=text_of(data.get("lookup_key")),
            currency=text_of(data.get("currency")) or "",
            interval=text_of(recurring.get("interval")),
            interval_count=count_of(recurring.get("interval_count")) or 1,
            unit_amount=count_of(data.get("unit_amount", data.get("amount"))),
            active=bool(data.get("active", True)),
        )
