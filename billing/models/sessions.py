"""Who stays logged in?"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class RefreshToken(UuidKey, Timestamps, Base):
    """A family of refresh tokens: of all that were ever issued only the newest one's hash is kept.

    Whoever shows an older one of the family shows a copy: the family is revoked.
    """

    __tablename__ = "refresh_tokens"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
