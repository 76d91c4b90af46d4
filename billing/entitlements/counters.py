"""How do counters move? One conditional statement a counter; nothing is read and written back."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from billing import clock
from billing.database import db
from billing.entitlements.place import WINDOW_COLUMNS, Place
from billing.models import (
    Metric,
    ReservationState,
    UsageReservation,
    User,
    UserStorage,
    UserUsage,
    UserUsageDay,
)

FULL = 2**63 - 1
"""What a counter can hold: the limit where the plan has none."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is used of each metric, and whether some of it is held by overdue reservations."""

    used: Mapping[Metric, int]
    has_overdue: bool


def claim(place: Place, metric: Metric, amount: int, limit: int) -> int | None:
    """Count the amount unless that would pass the limit, inside the caller's transaction.

    Return the new total. None means: refused, or the rows are not there yet; then nothing counts
    if the caller rolls back.
    """
    most = limit - amount
    if metric is Metric.STORAGE_USED_MB:
        return _claim_storage(place, amount, most)
    if metric is Metric.API_CALLS:
        total = _claim_day(place, amount, most)
        in_window = None if total is None else _claim_window(place, metric, amount, FULL - amount)
        return None if in_window is None else total
    return _claim_window(place, metric, amount, most)


def give_back(place: Place, metric: Metric, amount: int) -> None:
    """Take the amount off the counters of the place, never below zero."""
    if metric is Metric.STORAGE_USED_MB:
        release_storage(place, amount)
        return
    if metric is Metric.API_CALLS:
        calls = UserUsageDay.api_calls
        db.session.execute(
            sa.update(UserUsageDay)
            .where(UserUsageDay.user_id == place.user_id, UserUsageDay.day == place.day)
            .values(api_calls=_less(calls, amount))
        )
    counter = WINDOW_COLUMNS[metric]
    db.session.execute(
        sa.update(UserUsage)
        .where(UserUsage.user_id == place.user_id, UserUsage.period_start == place.window.start)
        .values({counter: _less(counter, amount)})
    )


def release_storage(place: Place, amount: int) -> int:
    """Take the amount off what is stored, never below zero; return the new total."""
    return _write_storage(place, _less(UserStorage.storage_used_mb, amount))


def set_storage(place: Place, amount: int) -> int:
    """Write what is stored, whatever stood there; return it."""
    return _write_storage(place, sa.literal(amount))


def totals(place: Place) -> Totals:
    """Read what counts now, in one statement; a window in progress counts until it is carried."""
    overdue = sa.exists().where(
        UsageReservation.user_id == User.id,
        UsageReservation.state == ReservationState.HELD,
        UsageReservation.expires_at <= clock.utc_now(),
    )
    statement = (
        sa.select(
            UserUsageDay.api_calls,
            UserUsage.jobs_created,
            UserStorage.storage_used_mb,
            UserUsage.compute_minutes,
            overdue.label("has_overdue"),
        )
        .select_from(User)
        .outerjoin(UserUsage, sa.and_(UserUsage.user_id == User.id, place.is_in_progress))
        .outerjoin(
            UserUsageDay,
            sa.and_(UserUsageDay.user_id == User.id, UserUsageDay.day == place.day),
        )
        .outerjoin(UserStorage, UserStorage.user_id == User.id)
        .where(User.id == place.user_id)
    )
    row = db.session.execute(statement).one()
    used = {metric: getattr(row, metric.value) or 0 for metric in Metric}
    return Totals(used, row.has_overdue)


def _claim_window(place: Place, metric: Metric, amount: int, most: int) -> int | None:
    window = {"start": place.window.start, "end": place.window.end}
    return _run(_in_window(metric), whose=place.user_id, amount=amount, most=most, **window)


def _claim_day(place: Place, amount: int, most: int) -> int | None:
    return _run(_in_day(), whose=place.user_id, at_day=place.day, amount=amount, most=most)


def _claim_storage(place: Place, amount: int, most: int) -> int | None:
    total = _run(_in_storage(), whose=place.user_id, amount=amount, most=most)
    return None if total is None else _remember_storage(place, total)


def _run(statement: sa.Update, **values: Any) -> int | None:
    """Run a statement that was built once, past the unit of work: half the cost of a count."""
    total: int | None = db.session.connection().execute(statement, values).scalar()
    return total


@cache
def _in_window(metric: Metric) -> sa.Update:
    table = cast(sa.Table, UserUsage.__table__)
    return _claiming(table, metric).where(
        table.c.period_start == sa.bindparam("start"), table.c.period_end == sa.bindparam("end")
    )


@cache
def _in_day() -> sa.Update:
    table = cast(sa.Table, UserUsageDay.__table__)
    return _claiming(table, Metric.API_CALLS).where(table.c.day == sa.bindparam("at_day"))


@cache
def _in_storage() -> sa.Update:
    return _claiming(cast(sa.Table, UserStorage.__table__), Metric.STORAGE_USED_MB)


def _claiming(table: sa.Table, metric: Metric) -> sa.Update:
    """Count in the user's row of the table, unless that would pass the most."""
    counter = table.c[metric.value]
    return (
        sa.update(table)
        .where(table.c.user_id == sa.bindparam("whose"), counter <= sa.bindparam("most"))
        .values({counter: counter + sa.bindparam("amount")})
        .returning(counter)
    )


def _less(counter: InstrumentedAttribute[int], amount: int) -> sa.ColumnElement[int]:
    return sa.case((counter > amount, counter - amount), else_=0)


def _write_storage(place: Place, total: sa.ColumnElement[int]) -> int:
    written = db.session.scalars(
        sa.update(UserStorage)
        .where(UserStorage.user_id == place.user_id)
        .values(storage_used_mb=total)
        .returning(UserStorage.storage_used_mb)
    ).one()
    return _remember_storage(place, written)


def _remember_storage(place: Place, total: int) -> int:
    """Keep the gauge's last value in the window too, as history; it decides nothing."""
    db.session.execute(
        sa.update(UserUsage)
        .where(UserUsage.user_id == place.user_id, UserUsage.period_end > place.moment)
        .values(storage_used_mb=total)
    )
    return total
