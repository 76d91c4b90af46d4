"""How much was used day by day?"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import reading
from billing.entitlements.windows import day_of
from billing.models import UserUsageDay

DAYS = 90


@dataclass(frozen=True, slots=True)
class UsageDay:
    """The API calls of one UTC day."""

    day: date
    calls: int


def latest_days(user_id: UUID, days: int = DAYS) -> list[UsageDay]:
    """Read the last days, today at the end; days without a call are there too."""
    today = day_of(clock.utc_now())
    wanted = [today - timedelta(days=ago) for ago in reversed(range(days))]
    with reading() as session:
        rows = session.execute(
            sa.select(UserUsageDay.day, UserUsageDay.api_calls)
            .where(UserUsageDay.user_id == user_id)
            .where(UserUsageDay.day.between(wanted[0], today))
        )
        calls = {day: count for day, count in rows}
    return [UsageDay(day, calls.get(day, 0)) for day in wanted]
