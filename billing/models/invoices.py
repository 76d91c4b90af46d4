"""What was billed? Amounts are in the currency's minor unit."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class InvoiceAction(StrEnum):
    """What an open invoice needs of the customer."""

    PAY = "pay"
    CONFIRM = "confirm"
    UPDATE_CARD = "update_card"


class Invoice(UuidKey, Timestamps, Base):
    """One Stripe invoice of a customer; `action` is what it needs of them, if anything."""

    __tablename__ = "invoices"

    stripe_invoice_id: Mapped[str] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(
        sa.ForeignKey("stripe_customers.id", ondelete="RESTRICT"), index=True
    )
    stripe_subscription_id: Mapped[str | None] = mapped_column(index=True)
    number: Mapped[str | None]
    status: Mapped[str | None]
    billing_reason: Mapped[str | None]
    currency: Mapped[str]
    total: Mapped[int] = mapped_column(sa.BigInteger)
    amount_due: Mapped[int] = mapped_column(sa.BigInteger)
    amount_paid: Mapped[int] = mapped_column(sa.BigInteger)
    attempt_count: Mapped[int] = mapped_column(default=0)
    next_payment_attempt_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    action: Mapped[str | None]
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    issued_at: Mapped[datetime]
    finalized_at: Mapped[datetime | None]
    hosted_invoice_url: Mapped[str | None] = mapped_column(sa.Text)
    invoice_pdf: Mapped[str | None] = mapped_column(sa.Text)
