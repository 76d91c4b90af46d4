"""How do counters move? One conditional statement a counter; nothing is read and written back."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from billing import clock
from billing.database import db
from billing.entitlements.facts import Version, is_current
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

Step = tuple[sa.Update, Mapping[str, Any]]
"""A statement that is built once, and its values."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is used of each metric, and whether some of it is held by overdue reservations."""

    used: Mapping[Metric, int]
    has_overdue: bool


def claim(
    place: Place, metric: Metric, amount: int, limit: int, version: Version
) -> tuple[Step, ...]:
    """Write the steps that count the amount; the first of them gives the new total.

    One that finds no row says that nothing may count: it would pass the limit, the version is not
    the user's any more, or the rows are not there yet. The caller then rolls back.
    """
    count = {
        "whose": place.user_id,
        "amount": amount,
        "most": limit - amount,
        "of_user": version.of_user,
        "of_plans": version.of_plans,
        "start": place.window.start,
        "end": place.window.end,
        "at_day": place.day,
    }
    if metric is Metric.STORAGE_USED_MB:
        return (_in_storage(), count), (_storage_in_window(), count)
    if metric is not Metric.API_CALLS:
        return ((_in_window(metric), count),)
    if db.engine.dialect.name == "postgresql":
        return ((_in_day_and_month(), count | {"now": clock.utc_now()}),)
    return (_in_day(), count), (_in_month(), count | {"most": FULL - amount})


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


@cache
def _in_window(metric: Metric) -> sa.Update:
    return _counting(_window(), metric).where(is_current())


@cache
def _in_month() -> sa.Update:
    """Count a call beside its day, as history; the version was compared there."""
    return _counting(_window(), Metric.API_CALLS)


@cache
def _in_day() -> sa.Update:
    table = cast(sa.Table, UserUsageDay.__table__)
    today = sa.update(table).where(table.c.day == sa.bindparam("at_day"))
    return _counting(today, Metric.API_CALLS).where(is_current())


@cache
def _in_day_and_month() -> sa.Update:
    """Count a call in both rows, or in none, on one way to a server: both are locked first."""
    day, month = cast(sa.Table, UserUsageDay.__table__), cast(sa.Table, UserUsage.__table__)
    amount: sa.BindParameter[int] = sa.bindparam("amount")
    now = sa.bindparam("now", type_=day.c.updated_at.type)
    room = (
        sa.select(day.c.id.label("of_day"), month.c.id.label("of_month"))
        .join_from(day, month, month.c.user_id == day.c.user_id)
        .where(
            day.c.user_id == sa.bindparam("whose"),
            day.c.day == sa.bindparam("at_day"),
            day.c.api_calls <= sa.bindparam("most"),
            month.c.period_start == sa.bindparam("start"),
            month.c.period_end == sa.bindparam("end"),
            is_current(),
        )
        .with_for_update(of=[day, month], key_share=True)
        .cte("room")
    )
    in_month = (
        sa.update(month)
        .where(month.c.id == room.c.of_month)
        .values(api_calls=month.c.api_calls + amount, updated_at=now)
        .cte("in_month")
    )
    return (
        sa.update(day)
        .add_cte(in_month)
        .where(day.c.id == room.c.of_day)
        .values(api_calls=day.c.api_calls + amount, updated_at=now)
        .returning(day.c.api_calls)
    )


@cache
def _in_storage() -> sa.Update:
    stored = sa.update(cast(sa.Table, UserStorage.__table__))
    return _counting(stored, Metric.STORAGE_USED_MB).where(is_current())


@cache
def _storage_in_window() -> sa.Update:
    """Keep the gauge's last value in the window too, as history; it decides nothing."""
    stored, window = cast(sa.Table, UserStorage.__table__), _window()
    now = sa.select(stored.c.storage_used_mb).where(stored.c.user_id == sa.bindparam("whose"))
    counter = window.table.c.storage_used_mb
    return (
        window.where(window.table.c.user_id == sa.bindparam("whose"))
        .values({counter: now.scalar_subquery()})
        .returning(counter)
    )


def _window() -> sa.Update:
    table = cast(sa.Table, UserUsage.__table__)
    return sa.update(table).where(
        table.c.period_start == sa.bindparam("start"), table.c.period_end == sa.bindparam("end")
    )


def _counting(rows: sa.Update, metric: Metric) -> sa.Update:
    """Count in the user's row of these, unless that would pass the most."""
    table = rows.table
    counter = table.c[metric.value]
    return (
        rows.where(table.c.user_id == sa.bindparam("whose"), counter <= sa.bindparam("most"))
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
