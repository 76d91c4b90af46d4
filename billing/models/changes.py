"""What changed here, and why? And where did we differ from Stripe?"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class Cause(StrEnum):
    """Who made the change."""

    EVENT = "event"
    REFRESH = "refresh"
    RECONCILE = "reconcile"
    OPERATOR = "operator"


class Change(Timestamps, Base):
    """What changed, append-only; written in the transaction that changed it.

    One field of a subscription, of the link between a user and a customer (`stripe_id`, `user_id`),
    or an edit of a plan (`plan`), whose `before` and `after` hold every field that it changed.
    `reason` is what an operator wrote.
    """

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    stripe_id: Mapped[str | None] = mapped_column(index=True)
    plan: Mapped[str | None]
    user_id: Mapped[UUID | None] = mapped_column(index=True)
    field: Mapped[str]
    before: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    after: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    cause: Mapped[str]
    stripe_event_id: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(sa.Text)


class DriftKind(StrEnum):
    """What may differ from Stripe. Most kinds a refresh mends; some need a person."""

    MISSING_LOCAL = "missing_local"
    MISSING_REMOTE = "missing_remote"
    STATUS = "status"
    PLAN = "plan"
    QUANTITY = "quantity"
    PERIOD = "period"
    CANCEL = "cancel"
    DETAILS = "details"
    ENTITLEMENT = "entitlement"
    PRICE = "price"
    UNLINKED = "unlinked"
    UNMAPPED_PRICE = "unmapped_price"
    LINK_CONFLICT = "link_conflict"
    TWO_LIVE_SUBSCRIPTIONS = "two_live_subscriptions"


class Drift(UuidKey, Timestamps, Base):
    """A difference between local state and Stripe; `updated_at` is when it was last found."""

    __tablename__ = "drift"

    kind: Mapped[str]
    stripe_id: Mapped[str]
    detail: Mapped[str]
    resolved_at: Mapped[datetime | None]

    __table_args__ = (sa.UniqueConstraint("kind", "stripe_id"),)
