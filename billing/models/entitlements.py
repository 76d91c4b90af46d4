"""Which features does Stripe say a customer has?"""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class ActiveEntitlement(UuidKey, Timestamps, Base):
    """One feature of a customer; the set is replaced as a whole."""

    __tablename__ = "active_entitlements"

    stripe_customer_id: Mapped[str] = mapped_column(
        sa.ForeignKey("stripe_customers.id", ondelete="CASCADE")
    )
    lookup_key: Mapped[str]

    __table_args__ = (sa.UniqueConstraint("stripe_customer_id", "lookup_key"),)
