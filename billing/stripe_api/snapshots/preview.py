"""What would be billed? Invoices that are not made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import (
    Json,
    amount_in,
    list_of,
    moment_of,
    part_of,
    required,
    text_of,
)


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One line of an invoice that is not made; `is_proration`: for a part of a period."""

    description: str | None
    amount: int
    is_proration: bool
    period_start: datetime | None
    period_end: datetime | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        parent = part_of(data, "parent")
        details = part_of(parent, text_of(parent.get("type")) or "")
        return cls(
            description=text_of(data.get("description")),
            amount=amount_in(data, "amount"),
            is_proration=bool(details.get("proration")),
            period_start=moment_of(part_of(data, "period").get("start")),
            period_end=moment_of(part_of(data, "period").get("end")),
        )


@dataclass(frozen=True, slots=True)
class PreviewSnapshot:
    """What would be billed. Amounts are in the currency's minor unit; a credit is negative."""

    currency: str
    total: int
    amount_due: int
    lines: tuple[PreviewLine, ...]

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(
            currency=required(data, "currency"),
            total=amount_in(data, "total"),
            amount_due=amount_in(data, "amount_due"),
            lines=tuple(PreviewLine.from_stripe(one) for one in list_of(data, "lines")),
        )
