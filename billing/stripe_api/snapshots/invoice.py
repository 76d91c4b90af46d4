"""Invoices, of any API version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import (
    Json,
    Unreadable,
    amount_in,
    count_of,
    id_of,
    list_of,
    moment_of,
    part_of,
    text_of,
    word_of,
)


@dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """An invoice. Amounts are in the currency's minor unit; the period is that of its lines.

    `id` is None for the preview in an `invoice.upcoming` event: that invoice is not made yet.
    `was_attempted`: a payment was tried. An off-session payment that waits for 3-D Secure is tried,
    although Stripe leaves `attempt_count` at 0.
    """

    id: str | None
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
    was_attempted: bool
    next_payment_attempt_at: datetime | None
    due_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    issued_at: datetime
    finalized_at: datetime | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        issued_at = _issued_at(data)
        attempt_count = count_of(data.get("attempt_count")) or 0
        start, end = _period_of(data)
        return cls(
            id=id_of(data.get("id")),
            customer_id=id_of(data.get("customer")),
            subscription_id=_subscription_of(data),
            number=text_of(data.get("number")),
            status=_status_of(data),
            billing_reason=word_of(data.get("billing_reason")),
            currency=word_of(data.get("currency")) or "",
            total=amount_in(data, "total"),
            amount_due=amount_in(data, "amount_due"),
            amount_paid=amount_in(data, "amount_paid"),
            attempt_count=attempt_count,
            was_attempted=data.get("attempted") is True or attempt_count > 0,
            next_payment_attempt_at=moment_of(data.get("next_payment_attempt")),
            due_at=moment_of(data.get("due_date")),
            period_start=start,
            period_end=end,
            issued_at=issued_at,
            finalized_at=_finalized_at(data),
            hosted_invoice_url=text_of(data.get("hosted_invoice_url")),
            invoice_pdf=text_of(data.get("invoice_pdf")),
        )

    @property
    def is_owed(self) -> bool:
        """Return whether it is open and something is left to pay."""
        return self.status == "open" and self.amount_due > 0

    @property
    def late_at(self) -> datetime:
        """Return when it is late: at its `due_date` where it is sent to be paid, else finalised."""
        return self.due_at or self.finalized_at or self.issued_at


def _issued_at(data: Json) -> datetime:
    # `date` became `created` in 2019-03-14.
    is_object = isinstance(data, Mapping)
    found = is_object and (moment_of(data.get("created")) or moment_of(data.get("date")))
    if not found:
        raise Unreadable("an invoice that does not say when it was made")
    return found


def _finalized_at(data: Json) -> datetime | None:
    # At the top until 2019-03-14.
    transitions = part_of(data, "status_transitions") or data
    return moment_of(transitions.get("finalized_at"))


def _subscription_of(data: Json) -> str | None:
    # Since 2025-03-31.basil under `parent`, which may also be a quote; before that at the top.
    parent = part_of(data, "parent")
    details = part_of(parent, "subscription_details")
    if parent.get("type", "subscription_details") != "subscription_details":
        details = {}
    return id_of(details.get("subscription")) or id_of(data.get("subscription"))


def _status_of(data: Json) -> str | None:
    told = word_of(data.get("status"))
    if told or "paid" not in data:
        return told
    # Before 2018-11-08 three booleans said it. `closed` only stopped the automatic collection.
    if data["paid"] is True:
        return "paid"
    if data.get("forgiven") is True:
        return "uncollectible"
    return "open" if id_of(data.get("id")) else "draft"


def _period_of(data: Json) -> tuple[datetime | None, datetime | None]:
    # `period_start` of the invoice itself is when its items were added, not what was bought.
    periods = [part_of(line, "period") for line in list_of(data, "lines")]
    starts = [at for at in (moment_of(period.get("start")) for period in periods) if at]
    ends = [at for at in (moment_of(period.get("end")) for period in periods) if at]
    return min(starts, default=None), max(ends, default=None)
