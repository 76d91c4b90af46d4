"""When does a billing period end? Always counted from its anchor, so that day 31 comes back."""

import calendar
from datetime import timedelta

from billing import clock
from billing.emulator.account import Resource

HOUR = 3600
DAY = 24 * HOUR
FIXED = {"day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "year": 12}


def next_boundary(anchor: int, recurring: Resource, after: int) -> int:
    """Give the first boundary of a price's rhythm later than a moment."""
    number = estimate(anchor, recurring, after)
    while boundary(anchor, recurring, number) <= after:
        number += 1
    return boundary(anchor, recurring, number)


def estimate(anchor: int, recurring: Resource, after: int) -> int:
    """Give the number of a boundary that is surely not too late."""
    longest = FIXED.get(recurring["interval"], 31 * DAY * MONTHS.get(recurring["interval"], 1))
    return (after - anchor) // (longest * int(recurring["interval_count"])) - 1


def boundary(anchor: int, recurring: Resource, number: int) -> int:
    """Give the moment so many intervals after the anchor."""
    intervals = number * int(recurring["interval_count"])
    if step := FIXED.get(recurring["interval"]):
        return anchor + intervals * step
    return add_months(anchor, intervals * MONTHS[recurring["interval"]])


def add_months(moment: int, months: int) -> int:
    """Move by calendar months; a day that the month lacks becomes its last."""
    start = clock.from_unix(moment)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    moved = start.replace(year=year, month=month + 1, day=min(start.day, last))
    return clock.to_unix(moved)


def days(count: int) -> int:
    """Give a number of days in seconds."""
    return int(timedelta(days=count).total_seconds())
