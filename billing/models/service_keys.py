"""Which backends of the product may speak to us?"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class ServiceKey(UuidKey, Timestamps, Base):
    """A key of a backend: only its hash is kept, and its first letters to tell it by."""

    __tablename__ = "service_keys"

    name: Mapped[str]
    shown: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[Any]] = mapped_column(sa.JSON)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
