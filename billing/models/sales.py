"""Which checkouts did we open?"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class CheckoutState(StrEnum):
    """Stripe's Checkout Session statuses."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class OpenCheckout(UuidKey, Timestamps, Base):
    """A Checkout Session that we made for a user; only such a session may link a customer."""

    __tablename__ = "open_checkouts"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    plan_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT")
    )
    stripe_session_id: Mapped[str] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(index=True)
    stripe_price_id: Mapped[str]
    stripe_subscription_id: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=CheckoutState.OPEN)
    payment_status: Mapped[str | None]
    url: Mapped[str] = mapped_column(sa.Text)
    expires_at: Mapped[datetime]
