"""How much is used, and how much is left? Reading; `counting` is what moves it."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from billing.catalog.terms import Over, QuotaRule
from billing.database import reading, transaction
from billing.entitlements import counters, holds
from billing.entitlements.place import Place
from billing.entitlements.standing import Standing, standing_of
from billing.entitlements.windows import Interval, Window
from billing.errors import Invalid, QuotaExceeded
from billing.models import Metric

MAX_AMOUNT = 2**31 - 1
STORAGE_RETRY = timedelta(hours=1)
"""Storage never resets by itself; this is when asking again may make sense."""

UNITS = {
    Metric.API_CALLS: "calls",
    Metric.JOBS_CREATED: "jobs",
    Metric.STORAGE_USED_MB: "MB",
    Metric.COMPUTE_MINUTES: "minutes",
}


class UsageState(StrEnum):
    """How near the quota is. OVER: it is soft, or it was larger before."""

    OK = "ok"
    WARN = "warn"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used of one metric. A limit of None is unlimited; a gauge never resets."""

    metric: Metric
    limit: int | None
    used: int
    resets_at: datetime | None
    rule: QuotaRule = QuotaRule()

    @property
    def state(self) -> UsageState:
        """Tell whether the quota is passed, nearly used up, or neither."""
        if self.limit is None or self.used == 0:
            return UsageState.OK
        if self.used > self.limit:
            return UsageState.OVER
        warns = self.rule.warn_at is not None and self.used >= self.rule.warn_at * self.limit
        return UsageState.WARN if warns else UsageState.OK

    @property
    def most(self) -> int:
        """What may be counted at most: where the quota is soft, whatever the counter holds."""
        is_hard = self.limit is not None and self.rule.over is Over.REFUSE
        return self.limit if is_hard and self.limit is not None else counters.FULL

    @property
    def remaining(self) -> int | None:
        """What is left; None: there is no limit."""
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def unit(self) -> str:
        """What is counted, in a word."""
        return UNITS[self.metric]

    def at(self, used: int) -> Self:
        """Return the same metric with that much used."""
        return type(self)(self.metric, self.limit, used, self.resets_at, self.rule)

    def has_room_for(self, amount: int) -> bool:
        """Tell whether that much more would be admitted."""
        return self.used + amount <= self.most

    def refusal(self, amount: int, moment: datetime) -> QuotaExceeded:
        """Say that there is no room for the amount, with the facts and when to ask again."""
        wait = self.resets_at - moment if self.resets_at else STORAGE_RETRY
        return QuotaExceeded(
            f"The plan's quota of {self.limit} {self.unit} leaves no room for {amount} more.",
            retry_after=math.ceil(wait.total_seconds()),
            metric=self.metric.value,
            limit=self.limit,
            used=self.used,
            requested=amount,
            resets_at=self.resets_at.isoformat() if self.resets_at else None,
        )


def check_quota(user_id: UUID, metric: Metric, amount: int = 1) -> bool:
    """Tell whether that much would be admitted now. It holds nothing: only counting decides."""
    return get_current_period_usage(user_id)[metric].has_room_for(sane_amount(amount))


def get_current_period_usage(user_id: UUID) -> dict[Metric, Usage]:
    """Read what is used of every metric: this window, this day, and what is stored."""
    return usage_of(standing_of(user_id))


def usage_of(standing: Standing) -> dict[Metric, Usage]:
    """Read it for a known standing; what overdue reservations held is given back first."""
    place = Place.of(standing)
    with reading():
        totals = counters.totals(place)
    if totals.has_overdue:
        with transaction():
            holds.expire(place.user_id)
            totals = counters.totals(place)
    return {metric: tally(standing, metric, used) for metric, used in totals.used.items()}


def tally(standing: Standing, metric: Metric, used: int) -> Usage:
    """Put what is used beside its limit and its reset."""
    rule = standing.plan.rule(metric)
    return Usage(metric, standing.limit(metric), used, _resets_at(standing, metric), rule)


def _resets_at(standing: Standing, metric: Metric) -> datetime | None:
    if metric is Metric.STORAGE_USED_MB:
        return None
    if metric is Metric.API_CALLS:
        return Window.around(standing.moment, Interval.DAY, standing.moment).end
    return standing.window.end


def sane_amount(amount: int, least: int = 1) -> int:
    """Pass a whole number within reason. Raises Invalid."""
    if type(amount) is not int or not least <= amount <= MAX_AMOUNT:
        raise Invalid(f"The amount must be a whole number from {least} to {MAX_AMOUNT}.")
    return amount
