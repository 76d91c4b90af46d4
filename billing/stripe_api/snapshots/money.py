"""Charges, disputes, fraud warnings, and which invoice a payment belongs to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import (
    Json,
    amount_in,
    id_of,
    moment_of,
    own_id,
    part_of,
    required,
    word_of,
)


@dataclass(frozen=True, slots=True)
class ChargeSnapshot:
    """A charge. `invoice_id` is None since 2025-03-31.basil: ask the invoice payments."""

    id: str
    customer_id: str | None
    invoice_id: str | None
    payment_intent_id: str | None
    status: str | None
    currency: str
    amount: int
    amount_refunded: int
    refunded: bool
    disputed: bool

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(
            id=own_id(data),
            customer_id=id_of(data.get("customer")),
            invoice_id=id_of(data.get("invoice")),
            payment_intent_id=id_of(data.get("payment_intent")),
            status=word_of(data.get("status")),
            currency=word_of(data.get("currency")) or "",
            amount=amount_in(data, "amount"),
            amount_refunded=amount_in(data, "amount_refunded"),
            refunded=data.get("refunded") is True,
            # At first (2019) a charge only named its dispute.
            disputed=data.get("disputed", id_of(data.get("dispute")) is not None) is True,
        )


@dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """A dispute, or the inquiry before one (`warning_...`). The status is an open set."""

    id: str
    charge_id: str | None
    payment_intent_id: str | None
    status: str
    reason: str | None
    currency: str
    amount: int
    created_at: datetime | None
    evidence_due_at: datetime | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(
            id=own_id(data),
            charge_id=id_of(data.get("charge")),
            payment_intent_id=id_of(data.get("payment_intent")),
            status=required(data, "status"),
            reason=word_of(data.get("reason")),
            currency=word_of(data.get("currency")) or "",
            amount=amount_in(data, "amount"),
            created_at=moment_of(data.get("created")),
            evidence_due_at=moment_of(part_of(data, "evidence_details").get("due_by")),
        )


@dataclass(frozen=True, slots=True)
class FraudWarningSnapshot:
    """An early fraud warning; `actionable` while a refund could still forestall the dispute."""

    id: str
    charge_id: str | None
    payment_intent_id: str | None
    actionable: bool

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(
            id=own_id(data),
            charge_id=id_of(data.get("charge")),
            payment_intent_id=id_of(data.get("payment_intent")),
            actionable=data.get("actionable") is True,
        )


@dataclass(frozen=True, slots=True)
class InvoicePaymentSnapshot:
    """A payment towards an invoice: since 2025-03-31.basil the way from a charge to its invoice."""

    id: str
    invoice_id: str | None
    charge_id: str | None
    payment_intent_id: str | None
    status: str | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        payment_id = own_id(data)
        payment = part_of(data, "payment")
        return cls(
            id=payment_id,
            invoice_id=id_of(data.get("invoice")),
            charge_id=id_of(payment.get("charge")),
            payment_intent_id=id_of(payment.get("payment_intent")),
            status=word_of(data.get("status")),
        )
