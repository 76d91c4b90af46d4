"""The table of idempotency keys."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class IdempotencyKey(UuidKey, Timestamps, Base):
    """One key of one user. `status` is null while the request is worked on, until `claimed_until`.

    `claim` is the id of the attempt that may answer; `fingerprint` is the hash of the request. Both
    moments are of the database's clock. A `status` without a `body`: the answer could not be kept.
    """

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str]
    fingerprint: Mapped[str]
    claim: Mapped[UUID]
    claimed_until: Mapped[datetime]
    expires_at: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[list[list[str]] | None] = mapped_column(sa.JSON(none_as_null=True))
    body: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (sa.UniqueConstraint("user_id", "key"),)
