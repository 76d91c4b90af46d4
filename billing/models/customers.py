"""What do we follow at Stripe, and how far are we? The counters of the refresh protocol."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class RefreshState:
    """The counters that make a refresh safe; docs/protocol.md tells how they are used.

    `requested > synced` means that Stripe may know more than we do. `fence` grows with each
    attempt, and only the newest attempt may write. `due_at` is null when nothing is owed, or when
    the attempts were given up (parked).
    """

    id: Mapped[str] = mapped_column(primary_key=True)
    requested: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    synced: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    fence: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    lease_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str | None]
    deleted: Mapped[bool] = mapped_column(default=False)


class StripeCustomer(RefreshState, Timestamps, Base):
    """A customer at Stripe. The link to a user is `users.stripe_customer_id`.

    The `*_requested` columns hold the generation that last asked for that part of the truth; a
    refresh fetches a part while it is greater than `synced`.
    """

    __tablename__ = "stripe_customers"

    email: Mapped[str | None]
    currency: Mapped[str | None]
    claimed_user_id: Mapped[str | None]
    test_clock_id: Mapped[str | None]
    details_requested: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    invoices_requested: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    checkouts_requested: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    entitlements_requested: Mapped[int] = mapped_column(
        sa.BigInteger, default=0, server_default="0"
    )


class CustomerUnlink(UuidKey, Timestamps, Base):
    """A user and a customer that an operator has parted: metadata does not link them again."""

    __tablename__ = "customer_unlinks"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    stripe_customer_id: Mapped[str]

    __table_args__ = (sa.UniqueConstraint("user_id", "stripe_customer_id"),)


class StripeTestClock(RefreshState, Timestamps, Base):
    """A test clock at Stripe (test mode only): the moment its customers live in."""

    __tablename__ = "stripe_test_clocks"

    frozen_at: Mapped[datetime | None]
