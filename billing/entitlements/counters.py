"""How do counters move? One conditional statement a counter; nothing is read and written back.

A user has at most one open window row. When the plan changes and the anchor with it, the counts
of the window in progress move to the one that is opened; the row they leave is of no length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from billing.database import db, insert, insert_or_nothing
from billing.entitlements.windows import Window
from billing.models import Metric, User, UserStorage, UserUsage, UserUsageDay

FULL = 2**63 - 1
"""What a counter can hold: the limit where the plan has none."""

WINDOW_COLUMNS: dict[Metric, InstrumentedAttribute[int]] = {
    metric: getattr(UserUsage, metric.value) for metric in Metric
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a count belongs: whose it is, its monthly window, its day."""

    user_id: UUID
    window: Window
    day: date
    moment: datetime


def claim(place: Place, metric: Metric, amount: int, limit: int | None) -> int | None:
    """Count the amount unless that would pass the limit, inside the caller's transaction.

    Return the new total. None means: refused, or the rows are not there yet; then nothing counts
    if the caller rolls back.
    """
    most = (FULL if limit is None else limit) - amount
    if metric is Metric.STORAGE_USED_MB:
        return _claim_storage(place, amount, most)
    if metric is Metric.API_CALLS:
        total = _claim_day(place, amount, most)
        in_window = None if total is None else _claim_window(place, metric, amount, FULL - amount)
        return None if in_window is None else total
    return _claim_window(place, metric, amount, most)


def give_back(place: Place, metric: Metric, amount: int) -> None:
    """Take the amount off the counters, never below zero, in the window that is open by now."""
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
        .where(UserUsage.user_id == place.user_id, _in_progress(place))
        .values({counter: _less(counter, amount)})
    )


def release_storage(place: Place, amount: int) -> int:
    """Take the amount off what is stored, never below zero; return the new total."""
    return _write_storage(place, _less(UserStorage.storage_used_mb, amount))


def set_storage(place: Place, amount: int) -> int:
    """Write what is stored, whatever stood there; return it."""
    return _write_storage(place, sa.literal(amount))


def prepare(place: Place) -> None:
    """Make the rows that counting needs, inside the caller's transaction. Safe to repeat.

    Day and storage come before the window here as in `claim`: one order of locks for all.
    """
    db.session.execute(
        sa.select(User.id).where(User.id == place.user_id).with_for_update(key_share=True)
    )  # two that open a window at once would each carry into their own
    day = {"user_id": place.user_id, "day": place.day, "api_calls": 0}
    db.session.execute(insert_or_nothing(UserUsageDay, day, key="user_id day"))
    storage = {"user_id": place.user_id, "storage_used_mb": 0}
    db.session.execute(insert_or_nothing(UserStorage, storage, key="user_id"))
    _open_window(place, _close_other_windows(place))


def totals(place: Place) -> dict[Metric, int]:
    """Read what counts now, in one statement; a window in progress counts until it is carried."""
    statement = (
        sa.select(
            UserUsageDay.api_calls,
            UserUsage.jobs_created,
            UserStorage.storage_used_mb,
            UserUsage.compute_minutes,
        )
        .select_from(User)
        .outerjoin(UserUsage, sa.and_(UserUsage.user_id == User.id, _in_progress(place)))
        .outerjoin(
            UserUsageDay,
            sa.and_(UserUsageDay.user_id == User.id, UserUsageDay.day == place.day),
        )
        .outerjoin(UserStorage, UserStorage.user_id == User.id)
        .where(User.id == place.user_id)
    )
    row = db.session.execute(statement).one()
    return {metric: getattr(row, metric.value) or 0 for metric in Metric}


def _claim_window(place: Place, metric: Metric, amount: int, most: int) -> int | None:
    counter = WINDOW_COLUMNS[metric]
    return db.session.scalar(
        sa.update(UserUsage)
        .where(
            UserUsage.user_id == place.user_id,
            UserUsage.period_start == place.window.start,
            UserUsage.period_end == place.window.end,
            counter <= most,
        )
        .values({counter: counter + amount})
        .returning(counter)
    )


def _claim_day(place: Place, amount: int, most: int) -> int | None:
    return db.session.scalar(
        sa.update(UserUsageDay)
        .where(
            UserUsageDay.user_id == place.user_id,
            UserUsageDay.day == place.day,
            UserUsageDay.api_calls <= most,
        )
        .values(api_calls=UserUsageDay.api_calls + amount)
        .returning(UserUsageDay.api_calls)
    )


def _claim_storage(place: Place, amount: int, most: int) -> int | None:
    total = db.session.scalar(
        sa.update(UserStorage)
        .where(UserStorage.user_id == place.user_id, UserStorage.storage_used_mb <= most)
        .values(storage_used_mb=UserStorage.storage_used_mb + amount)
        .returning(UserStorage.storage_used_mb)
    )
    return None if total is None else _remember_storage(place, total)


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
        .where(UserUsage.user_id == place.user_id, _in_progress(place))
        .values(storage_used_mb=total)
    )
    return total


def _close_other_windows(place: Place) -> dict[str, int]:
    """Empty the rows of other windows in progress, and return what they had counted."""
    others = sa.and_(
        UserUsage.user_id == place.user_id,
        UserUsage.period_start != place.window.start,
        _in_progress(place),
    )
    counted = db.session.execute(
        sa.select(*WINDOW_COLUMNS.values()).where(others).with_for_update()
    ).all()
    emptied = {metric.value: 0 for metric in Metric}
    db.session.execute(
        sa.update(UserUsage).where(others).values(period_end=UserUsage.period_start, **emptied)
    )
    return {name: sum(getattr(row, name) for row in counted) for name in emptied}


def _open_window(place: Place, carried: Mapping[str, int]) -> None:
    """Make the window's row, or take it up again where it was emptied before."""
    row = insert(UserUsage).values(
        user_id=place.user_id,
        period_start=place.window.start,
        period_end=place.window.end,
        **carried,
    )
    added = {name: getattr(UserUsage, name) + row.excluded[name] for name in carried}
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["user_id", "period_start"],
            set_={**added, "period_end": row.excluded.period_end},
        )
    )


def _in_progress(place: Place) -> sa.ColumnElement[bool]:
    """Find the open row at this moment, whichever process opened it a moment earlier or later."""
    return sa.and_(
        UserUsage.period_end > place.moment,
        UserUsage.period_end > UserUsage.period_start,
        UserUsage.period_start < place.window.end,
    )
