"""Where does a count belong? A user's window and day at a moment."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from billing.entitlements.standing import Standing
from billing.entitlements.windows import Window
from billing.models import Metric, UserUsage

WINDOW_COLUMNS: dict[Metric, InstrumentedAttribute[int]] = {
    metric: getattr(UserUsage, metric.value) for metric in Metric
}
"""The closed set of counters: it picks the column, never a caller's text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a count belongs: whose it is, its monthly window, its day."""

    user_id: UUID
    window: Window
    day: date
    moment: datetime

    @classmethod
    def of(cls, standing: Standing) -> "Place":
        """Find the window and the day in which the user counts at the standing's moment."""
        return cls(standing.user_id, standing.window, standing.day, standing.moment)

    @property
    def is_in_progress(self) -> sa.ColumnElement[bool]:
        """Match the open window row, whichever process opened it a moment earlier or later."""
        return sa.and_(
            UserUsage.period_end > self.moment,
            UserUsage.period_end > UserUsage.period_start,
            UserUsage.period_start < self.window.end,
        )
