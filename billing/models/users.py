"""Who is a customer of the product?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey

if TYPE_CHECKING:
    from billing.models.subscriptions import UserSubscription
    from billing.models.usage import UserUsage


class User(UuidKey, Timestamps, Base):
    """A person who signs in; `stripe_customer_id` is the link to Stripe.

    No event ever moves the link; only an operator does.

    `standing_version` changes with everything that the user's standing is decided from; triggers
    see to that, whoever writes.
    """

    __tablename__ = "users"

    email: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    external_subject: Mapped[str | None] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(unique=True)
    standing_version: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")

    subscriptions: Mapped[list[UserSubscription]] = relationship(
        back_populates="user", passive_deletes=True
    )
    usage_records: Mapped[list[UserUsage]] = relationship(
        back_populates="user", passive_deletes=True
    )
