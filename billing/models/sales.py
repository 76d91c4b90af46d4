"""Which checkouts did we open?"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey, partial_index


class CheckoutState(StrEnum):
    """Stripe's Checkout Session statuses."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class OpenCheckout(UuidKey, Timestamps, Base):
    """Our claim to one Checkout Session for a user: written first, then filled from Stripe.

    The row's id is the idempotency key and `parameters` is what it was asked with, so that whoever
    repeats the request, after a crash or at the same time, gets the same session. A user has one
    open claim at most.
    """

    __tablename__ = "open_checkouts"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    plan_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT")
    )
    stripe_customer_id: Mapped[str] = mapped_column(index=True)
    stripe_price_id: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    stripe_session_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_subscription_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=CheckoutState.OPEN)
    payment_status: Mapped[str | None]
    url: Mapped[str | None] = mapped_column(sa.Text)
    expires_at: Mapped[datetime]

    __table_args__ = (
        partial_index(
            "uq_open_checkouts_one_open",
            "user_id",
            unique=True,
            where="state = 'open'",
        ),
    )


class LinkRevocation(Timestamps, Base):
    """How often the upgrade links of a user were revoked; a link holds the count of its making."""

    __tablename__ = "link_revocations"

    user_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    revocations: Mapped[int]
