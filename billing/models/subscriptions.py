"""Which subscriptions are there? A cache of Stripe that converges."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey
from billing.models.users import User


class Status(StrEnum):
    """Stripe's subscription statuses. The set is open: what we do not know is UNKNOWN."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    PAUSED = "paused"
    UNKNOWN = "unknown"

    @classmethod
    def read(cls, text: str) -> Status:
        """Name the status, or UNKNOWN for one that Stripe added since."""
        return cls(text) if text in cls._value2member_map_ else cls.UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """No subscription ever leaves these."""
        return self in TERMINAL


TERMINAL = (Status.CANCELED, Status.INCOMPLETE_EXPIRED)


class UserSubscription(UuidKey, Timestamps, Base):
    """One Stripe subscription, of a linked user or of none yet.

    `status` is Stripe's own text. `held_plan_id` is the last plan that was known to be granted; it
    speaks when the status or the price is unknown, while the held item is there at the held price.
    `is_ours` is false for another product's subscription, which grants and blocks nothing.
    `floor` (Stripe seconds) and `prov_generation` are the guards of the refresh protocol.
    """

    __tablename__ = "user_subscriptions"

    user_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    plan_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT")
    )
    held_plan_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT")
    )
    held_item_id: Mapped[str | None]
    held_price_id: Mapped[str | None]
    is_ours: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    stripe_subscription_id: Mapped[str] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(
        sa.ForeignKey("stripe_customers.id", ondelete="RESTRICT"), index=True
    )
    stripe_price_id: Mapped[str | None]
    status: Mapped[str]
    quantity: Mapped[int | None]
    started_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    cancellation_reason: Mapped[str | None]
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]
    billing_cycle_anchor: Mapped[datetime | None]
    interval: Mapped[str | None]
    trial_end: Mapped[datetime | None]
    past_due_since: Mapped[datetime | None]
    pause_collection: Mapped[str | None]
    is_disputed: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    pending_plan_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT")
    )
    pending_change_at: Mapped[datetime | None]
    as_of: Mapped[datetime]
    confirmed: Mapped[bool] = mapped_column(default=False)
    floor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    prov_generation: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    user: Mapped[User | None] = relationship(back_populates="subscriptions")
    items: Mapped[list[SubscriptionItem]] = relationship(
        passive_deletes=True, order_by="SubscriptionItem.stripe_subscription_item_id"
    )

    __table_args__ = (sa.Index("ix_user_subscriptions_user_id_status", "user_id", "status"),)


class SubscriptionItem(UuidKey, Timestamps, Base):
    """One item of a subscription, with a period of its own; `quantity` is null when metered."""

    __tablename__ = "subscription_items"

    subscription_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("user_subscriptions.id", ondelete="CASCADE"), index=True
    )
    stripe_subscription_item_id: Mapped[str]
    stripe_price_id: Mapped[str] = mapped_column(index=True)
    stripe_product_id: Mapped[str | None] = mapped_column(index=True)
    plan_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT")
    )
    quantity: Mapped[int | None]
    current_period_start: Mapped[datetime | None]
    current_period_end: Mapped[datetime | None]

    __table_args__ = (sa.UniqueConstraint("subscription_id", "stripe_subscription_item_id"),)
