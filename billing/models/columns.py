"""Columns that many tables share."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.orm import Mapped, mapped_column

from billing import clock


class Timestamps:
    """When the row was made and last written."""

    created_at: Mapped[datetime] = mapped_column(default=clock.utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.utc_now, onupdate=clock.utc_now)


class UuidKey:
    """An id of our own."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
