"""What happened to the money of a charge? Refunds, disputes, warnings."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps
from billing.models.customers import RefreshState

SETTLED = ("won", "warning_closed", "prevented")
"""Dispute statuses that leave the money with us."""


class StripeCharge(RefreshState, Timestamps, Base):
    """A charge that was refunded, disputed or warned of. Amounts are in the minor unit.

    `is_disputed` while the money is contested or lost.
    """

    __tablename__ = "stripe_charges"

    stripe_customer_id: Mapped[str | None] = mapped_column(index=True)
    stripe_invoice_id: Mapped[str | None]
    stripe_subscription_id: Mapped[str | None] = mapped_column(index=True)
    currency: Mapped[str | None]
    amount: Mapped[int | None] = mapped_column(sa.BigInteger)
    amount_refunded: Mapped[int | None] = mapped_column(sa.BigInteger)
    is_refunded: Mapped[bool] = mapped_column(default=False)
    is_disputed: Mapped[bool] = mapped_column(default=False)
    dispute_status: Mapped[str | None]
    dispute_reason: Mapped[str | None]
    is_warned_of: Mapped[bool] = mapped_column(default=False)
