"""Columns that many tables share, and indexes of some of their rows."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing import clock


class Timestamps:
    """When the row was made and last written."""

    created_at: Mapped[datetime] = mapped_column(default=clock.utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.utc_now, onupdate=clock.utc_now)


class UuidKey:
    """An id of our own."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """Index only the rows for which the condition holds, on either database."""
    held = sa.text(where)
    return sa.Index(name, *columns, unique=unique, postgresql_where=held, sqlite_where=held)
