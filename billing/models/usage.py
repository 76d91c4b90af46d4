"""What has been used? Counters that only conditional statements move."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey, partial_index
from billing.models.users import User


class Metric(StrEnum):
    """What is counted. The set is closed: it picks columns, never a caller's text."""

    API_CALLS = "api_calls"
    JOBS_CREATED = "jobs_created"
    STORAGE_USED_MB = "storage_used_mb"
    COMPUTE_MINUTES = "compute_minutes"


class UserUsage(UuidKey, Timestamps, Base):
    """What a user used in one monthly window."""

    __tablename__ = "user_usage"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    api_calls: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    jobs_created: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    storage_used_mb: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    compute_minutes: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    user: Mapped[User] = relationship(back_populates="usage_records")

    __table_args__ = (
        sa.UniqueConstraint("user_id", "period_start"),
        *(sa.CheckConstraint(f"{name} >= 0", name=f"{name}_not_negative") for name in Metric),
    )


class UserUsageDay(UuidKey, Timestamps, Base):
    """What a user called in one UTC day: what the daily quota is checked against."""

    __tablename__ = "user_usage_days"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    day: Mapped[date]
    api_calls: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    __table_args__ = (
        sa.UniqueConstraint("user_id", "day"),
        sa.CheckConstraint("api_calls >= 0", name="api_calls_not_negative"),
    )


class UserStorage(Timestamps, Base):
    """What a user stores now, in MB: a gauge that no window resets."""

    __tablename__ = "user_storage"

    user_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    storage_used_mb: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    __table_args__ = (sa.CheckConstraint("storage_used_mb >= 0", name="storage_not_negative"),)


class ReservationState(StrEnum):
    """How a reservation stands. Only a held one still decides anything."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


class UsageReservation(UuidKey, Timestamps, Base):
    """An amount that counts as used until it is released, or until it expires uncommitted.

    `kept` is what a commit kept of it. `period_start` and `day` say in which rows it was counted;
    they follow counts that move.
    """

    __tablename__ = "usage_reservations"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str | None]
    metric: Mapped[str]
    amount: Mapped[int] = mapped_column(sa.BigInteger)
    kept: Mapped[int | None] = mapped_column(sa.BigInteger)
    state: Mapped[str] = mapped_column(default=ReservationState.HELD)
    expires_at: Mapped[datetime]
    period_start: Mapped[datetime]
    day: Mapped[date]

    __table_args__ = (
        sa.UniqueConstraint("user_id", "key"),
        partial_index(
            "ix_usage_reservations_held",
            "user_id",
            "expires_at",
            where="state = 'held'",
        ),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
    )


class UsageKey(UuidKey, Timestamps, Base):
    """An idempotency key of a counted call: the same key counts once."""

    __tablename__ = "usage_keys"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str]
    metric: Mapped[str]
    amount: Mapped[int] = mapped_column(sa.BigInteger)

    __table_args__ = (sa.UniqueConstraint("user_id", "key"),)
