"""Attempts at requests to Stripe whose earlier answer Stripe would replay."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps


class StripeAttempt(Timestamps, Base):
    """The number of the attempt at one request, named by its idempotency key.

    A row is there only after Stripe refused or failed a request for good; without one the attempt
    is the first.
    """

    __tablename__ = "stripe_attempts"

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer, default=1)
