"""Who does the work that only one process should do?"""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps


class Lease(Timestamps, Base):
    """A named right that runs out by the database's clock. It saves work; nothing relies on it."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[datetime]
