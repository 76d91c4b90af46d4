"""Invoices, of any API version."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing import clock
from billing.stripe_api.snapshots.shapes import (
    Json,
    count_of,
    id_of,
    list_of,
    moment_of,
    part_of,
    text_of,
)


@dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """An invoice. Amounts are in the currency's minor unit; the period is that of its lines."""

    id: str
    customer_id: str | None
    subscription_id: str | None
    number: str | None
    status: str | None
    billing_reason: str | None
    currency: str
    total: int
    amount_due: int
    amount_paid: int
    attempt_count: int
    next_payment_attempt_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    issued_at: datetime
    finalized_at: datetime | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        start, end = _period_of(data)
        return cls(
            id=data["id"],
            customer_id=id_of(data.get("customer")),
            subscription_id=_subscription_of(data),
            number=text_of(data.get("number")),
            status=text_of(data.get("status")),
            billing_reason=text_of(data.get("billing_reason")),
            currency=text_of(data.get("currency")) or "",
            total=count_of(data.get("total")) or 0,
            amount_due=count_of(data.get("amount_due")) or 0,
            amount_paid=count_of(data.get("amount_paid")) or 0,
            attempt_count=count_of(data.get("attempt_count")) or 0,
            next_payment_attempt_at=moment_of(data.get("next_payment_attempt")),
            period_start=start,
            period_end=end,
            issued_at=clock.from_unix(data.get("created", data.get("date", 0))),
            finalized_at=moment_of(part_of(data, "status_transitions").get("finalized_at")),
            hosted_invoice_url=text_of(data.get("hosted_invoice_url")),
            invoice_pdf=text_of(data.get("invoice_pdf")),
        )

    @property
    def owed_since(self) -> datetime:
        """When the customer first owed it: finalised, else made."""
        return self.finalized_at or self.issued_at


def _subscription_of(data: Json) -> str | None:
    # Since 2025-03-31.basil under `parent`, before that at the top.
    details = part_of(part_of(data, "parent"), "subscription_details")
    return id_of(details.get("subscription")) or id_of(data.get("subscription"))


def _period_of(data: Json) -> tuple[datetime | None, datetime | None]:
    # `period_start` of the invoice itself is when its items were added, not what was bought.
    periods = [part_of(line, "period") for line in list_of(data, "lines")]
    starts = [at for at in (moment_of(period.get("start")) for period in periods) if at]
    ends = [at for at in (moment_of(period.get("end")) for period in periods) if at]
    return min(starts, default=None), max(ends, default=None)
