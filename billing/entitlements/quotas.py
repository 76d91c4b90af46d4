"""May this be used, and how much is left? Promises that were sold: never over-admitted.

What counts here opens its own transaction; call it outside of one. A database that is locked or
away raises (the caller hears 503), and then nothing was admitted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from billing.database import db, insert_or_nothing, reading, transaction
from billing.entitlements import counters
from billing.entitlements.counters import Place
from billing.entitlements.standing import Standing, standing_of
from billing.entitlements.windows import Interval, Window, day_of, monthly_window
from billing.errors import Conflict, Invalid, QuotaExceeded
from billing.models import Metric, UsageKey

MAX_AMOUNT = 2**31 - 1
MAX_KEY = 255
STORAGE_RETRY = timedelta(hours=1)
"""Storage never resets by itself; this is when asking again may make sense."""

UNITS = {
    Metric.API_CALLS: "calls",
    Metric.JOBS_CREATED: "jobs",
    Metric.STORAGE_USED_MB: "MB",
    Metric.COMPUTE_MINUTES: "minutes",
}


class KeyReused(Conflict):
    """The idempotency key was used for something else."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used of one metric. A limit of None is unlimited; a gauge never resets."""

    metric: Metric
    limit: int | None
    used: int
    resets_at: datetime | None

    @property
    def remaining(self) -> int | None:
        """What is left; None: there is no limit."""
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def unit(self) -> str:
        """What is counted, in a word."""
        return UNITS[self.metric]

    def has_room_for(self, amount: int) -> bool:
        """Tell whether that much more would be admitted."""
        return self.used + amount <= (counters.FULL if self.limit is None else self.limit)


@dataclass(frozen=True, slots=True)
class Count:
    """What is used after counting; `is_new` is false where the key had counted before."""

    usage: Usage
    is_new: bool


def check_quota(user_id: UUID, metric: Metric, amount: int = 1) -> bool:
    """Tell whether that much would be admitted now. It holds nothing: only counting decides."""
    return get_current_period_usage(user_id)[metric].has_room_for(_sane(amount))


def get_current_period_usage(user_id: UUID) -> dict[Metric, Usage]:
    """Read what is used of every metric: this window, this day, and what is stored."""
    return _usage(standing_of(user_id))


def increment_usage(
    user_id: UUID, metric: Metric, amount: int = 1, *, key: str | None = None
) -> Usage:
    """Count the amount, or raise QuotaExceeded and count nothing.

    The same key counts once: repeated, it answers with what is used by now. Raises KeyReused when
    it was used for another metric or amount, Invalid for an amount below one.
    """
    return count_usage(user_id, metric, amount, key=key).usage


def count_usage(user_id: UUID, metric: Metric, amount: int = 1, *, key: str | None = None) -> Count:
    """Do what `increment_usage` does, and tell a first use of the key from a repeated one."""
    standing = standing_of(user_id)
    place, limit = place_of(standing), standing.plan.quotas[metric]
    _sane(amount)

    def count() -> tuple[int | None, bool]:
        if key is not None and not _is_first_use(place, _sane_key(key), metric, amount):
            return counters.totals(place)[metric], False
        return counters.claim(place, metric, amount, limit), True

    total, is_new = _counted(count)
    if total is None and _usage(standing)[metric].has_room_for(amount):
        _prepare(place)
        total, is_new = _counted(count)
    if total is None:
        raise _exceeded(_usage(standing)[metric], amount, standing.moment)
    return Count(_tally(standing, metric, total), is_new)


def give_back(user_id: UUID, metric: Metric, amount: int = 1, *, key: str | None = None) -> None:
    """Take off again what was counted for work that did not happen; its key may be used again."""
    place = place_of(standing_of(user_id))
    with transaction() as session:
        if key is not None:
            session.execute(
                sa.delete(UsageKey).where(UsageKey.user_id == user_id, UsageKey.key == key)
            )
        counters.give_back(place, metric, _sane(amount))


def set_storage(user_id: UUID, megabytes: int) -> Usage:
    """Say what is stored now, or raise QuotaExceeded and leave what was said before."""
    standing = standing_of(user_id)
    usage = _tally(standing, Metric.STORAGE_USED_MB, 0)
    if not usage.has_room_for(_sane(megabytes, least=0)):
        raise _exceeded(_usage(standing)[usage.metric], megabytes, standing.moment)
    return _moved(standing, lambda place: counters.set_storage(place, megabytes))


def release_storage(user_id: UUID, megabytes: int) -> Usage:
    """Take off what was deleted; never below zero."""
    standing = standing_of(user_id)
    _sane(megabytes)
    return _moved(standing, lambda place: counters.release_storage(place, megabytes))


def place_of(standing: Standing) -> Place:
    """Find the window and the day in which the user counts at this moment."""
    window = monthly_window(standing.access, standing.moment)
    return Place(standing.user_id, window, day_of(standing.moment), standing.moment)


class _NotCounted(Exception):
    """Roll back: the counter is full, or its row is not there yet."""


def _counted(count: Callable[[], tuple[int | None, bool]]) -> tuple[int | None, bool]:
    """Count in one transaction; without a total nothing of it is kept, not even the key."""
    try:
        with transaction():
            total, is_new = count()
            if total is None:
                raise _NotCounted
            return total, is_new
    except _NotCounted:
        return None, True


def _is_first_use(place: Place, key: str, metric: Metric, amount: int) -> bool:
    """Note the key. Raises KeyReused if it stands for something else."""
    row = {"user_id": place.user_id, "key": key, "metric": metric.value, "amount": amount}
    noted = insert_or_nothing(UsageKey, row, key="user_id key").returning(UsageKey.id)
    if db.session.scalar(noted) is not None:
        return True
    known = db.session.execute(
        sa.select(UsageKey.metric, UsageKey.amount).where(
            UsageKey.user_id == place.user_id, UsageKey.key == key
        )
    ).one()
    if tuple(known) != (metric.value, amount):
        raise KeyReused("This idempotency key was used for another metric or amount.")
    return False


def _prepare(place: Place) -> None:
    with transaction():
        counters.prepare(place)


def _moved(standing: Standing, move: Callable[[Place], int]) -> Usage:
    place = place_of(standing)
    _prepare(place)
    with transaction():
        return _tally(standing, Metric.STORAGE_USED_MB, move(place))


def _usage(standing: Standing) -> dict[Metric, Usage]:
    with reading():
        totals = counters.totals(place_of(standing))
    return {metric: _tally(standing, metric, used) for metric, used in totals.items()}


def _tally(standing: Standing, metric: Metric, used: int) -> Usage:
    place = place_of(standing)
    day = Window.around(place.window.start, Interval.DAY, place.moment)
    resets = {Metric.API_CALLS: day.end, Metric.STORAGE_USED_MB: None}
    return Usage(metric, standing.plan.quotas[metric], used, resets.get(metric, place.window.end))


def _exceeded(usage: Usage, amount: int, moment: datetime) -> QuotaExceeded:
    wait = usage.resets_at - moment if usage.resets_at else STORAGE_RETRY
    return QuotaExceeded(
        f"The plan's quota of {usage.limit} {usage.unit} leaves no room for {amount} more.",
        retry_after=math.ceil(wait.total_seconds()),
        metric=usage.metric.value,
        limit=usage.limit,
        used=usage.used,
        requested=amount,
        resets_at=usage.resets_at.isoformat() if usage.resets_at else None,
    )


def _sane(amount: int, least: int = 1) -> int:
    if type(amount) is not int or not least <= amount <= MAX_AMOUNT:
        raise Invalid(f"The amount must be a whole number from {least} to {MAX_AMOUNT}.")
    return amount


def _sane_key(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid(f"An idempotency key is 1 to {MAX_KEY} printable characters.")
    return key
