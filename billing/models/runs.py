"""How far did a long walk through Stripe get?"""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey


class ReconcileRun(UuidKey, Timestamps, Base):
    """One reconciliation: its phase, and the id after which the phase goes on."""

    __tablename__ = "reconcile_runs"

    fixes: Mapped[bool]
    phase: Mapped[str]
    cursor: Mapped[str | None]
    compared: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]


class GapRun(UuidKey, Timestamps, Base):
    """One look for gaps in the inbox; the next one begins a little before `reached`."""

    __tablename__ = "gap_runs"

    reached: Mapped[datetime]
