"""In which window does a count fall? Pure arithmetic in UTC, always from the anchor."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self

from billing.entitlements.access import Access

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORT = {"day", "week"}
"""Prices of these intervals have periods shorter than a window."""


class Interval(StrEnum):
    """How long a window is."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time; its end is the first moment after it."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, anchor: datetime, interval: Interval, moment: datetime) -> Self:
        """Find the window that holds the moment, of all those laid end to end from the anchor."""
        if interval is Interval.DAY:
            start = datetime.combine(moment.astimezone(UTC).date(), time.min, UTC)
            return cls(start, start + timedelta(days=1))
        months = _months_between(anchor, moment)
        return cls(months_after(anchor, months), months_after(anchor, months + 1))


def monthly_window(access: Access, moment: datetime) -> Window:
    """Find the window of monthly quotas: inside Stripe's period, or the calendar month if free."""
    subscription = access.subscription if access.plan else None
    if subscription is None or subscription.current_period_start is None:
        return Window.around(EPOCH, Interval.MONTH, moment)
    start, end = subscription.current_period_start, subscription.current_period_end
    billing_anchor = subscription.billing_cycle_anchor
    if subscription.interval in SHORT:
        return Window.around(billing_anchor or start, Interval.MONTH, moment)
    if end is not None and moment >= end:  # renewed at Stripe, and we have not heard of it yet
        start, end = end, None
    window = Window.around(_on_grid(billing_anchor, start), Interval.MONTH, moment)
    return window if end is None else Window(window.start, min(window.end, end))


def day_of(moment: datetime) -> date:
    """Name the UTC day of daily quotas."""
    return moment.astimezone(UTC).date()


def months_after(anchor: datetime, months: int) -> datetime:
    """Go that many months on; a day that the month lacks becomes its last."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    last_day = calendar.monthrange(year, month + 1)[1]
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last_day))


def _months_between(anchor: datetime, moment: datetime) -> int:
    """Count the whole months from the anchor; negative before it."""
    moment = moment.astimezone(UTC)
    months = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    return months if months_after(anchor, months) <= moment else months - 1


def _on_grid(billing_anchor: datetime | None, start: datetime) -> datetime:
    """Prefer Stripe's own anchor: a period that starts on 28 February may belong to day 31."""
    if billing_anchor is None:
        return start
    months = (start.year - billing_anchor.year) * 12 + start.month - billing_anchor.month
    return billing_anchor if months_after(billing_anchor, months) == start else start
