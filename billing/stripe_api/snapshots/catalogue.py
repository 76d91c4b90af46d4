"""Products and prices, of any API version."""

from dataclasses import dataclass
from typing import Self

from billing.stripe_api.snapshots.shapes import (
    Json,
    amount_of,
    count_of,
    id_of,
    metadata_of,
    own_id,
    part_of,
    text_of,
    word_of,
)


@dataclass(frozen=True, slots=True)
class ProductSnapshot:
    """A product; `plan_name` is its `metadata.plan`."""

    id: str
    name: str | None
    active: bool
    plan_name: str | None
    deleted: bool
    description: str | None = None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(
            id=own_id(data),
            name=text_of(data.get("name")),
            active=_is_active(data),
            plan_name=metadata_of(data, "plan"),
            deleted=data.get("deleted") is True,
            description=text_of(data.get("description")),
        )


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """A price, or the plan object that came before prices (2020).

    `unit_amount` is in minor units; None with tiers, and where only `unit_amount_decimal`, a
    fraction of them, can say it. `interval` is None for what is paid once. `is_managed`: made by
    `flask billing catalog apply`.
    """

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
    unit_amount_decimal: str | None = None
    billing_scheme: str | None = None
    usage_type: str | None = None
    is_managed: bool = False

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        price_id = own_id(data)
        # A plan carries interval and amount at its top.
        recurring = part_of(data, "recurring") or data
        return cls(
            id=price_id,
            product_id=id_of(data.get("product")),
            product_plan_name=metadata_of(part_of(data, "product"), "plan"),
            plan_name=metadata_of(data, "plan"),
            lookup_key=word_of(data.get("lookup_key")),
            currency=word_of(data.get("currency")) or "",
            interval=word_of(recurring.get("interval")),
            interval_count=count_of(recurring.get("interval_count")) or 1,
            unit_amount=amount_of(data.get("unit_amount", data.get("amount"))),
            active=_is_active(data),
            unit_amount_decimal=word_of(
                data.get("unit_amount_decimal", data.get("amount_decimal"))
            ),
            billing_scheme=word_of(data.get("billing_scheme")),
            usage_type=word_of(recurring.get("usage_type")),
            is_managed=metadata_of(data, "billing") == "catalog",
        )


def _is_active(data: Json) -> bool:
    # Plans had no such field at first (2018): what is not said to be off is on sale.
    return data.get("active", True) is True and data.get("deleted") is not True
