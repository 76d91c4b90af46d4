"""How does a window begin? Its row is made, and what another one in progress held moves to it.

A user has at most one open window row. When the plan changes and the anchor with it, the counts
of the window in progress move to the one that is opened; the row they leave is of no length.
"""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa

from billing.database import db, insert, insert_or_nothing
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


def prepare(place: Place) -> None:
    """Make the rows that counting needs, inside the caller's transaction. Safe to repeat.

    Day and storage come before the window here as in `claim`: one order of locks for all.
    """
    db.session.execute(
        sa.select(User.id).where(User.id == place.user_id).with_for_update(key_share=True)
    )  # two that open a window at once would each carry into their own
    held = _held_reservations(place)
    day = {"user_id": place.user_id, "day": place.day, "api_calls": 0}
    db.session.execute(insert_or_nothing(UserUsageDay, day, key="user_id day"))
    storage = {"user_id": place.user_id, "storage_used_mb": 0}
    db.session.execute(insert_or_nothing(UserStorage, storage, key="user_id"))
    _open_window(place, _close_other_windows(place))
    _follow(place, held)


def _close_other_windows(place: Place) -> dict[str, int]:
    """Empty the rows of other windows in progress, and return what they had counted."""
    others = sa.and_(
        UserUsage.user_id == place.user_id,
        UserUsage.period_start != place.window.start,
        place.is_in_progress,
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


def _held_reservations(place: Place) -> list[UUID]:
    """Lock what is held in windows in progress: a release locks it first, too, then the window."""
    return list(
        db.session.scalars(
            sa.select(UsageReservation.id)
            .join(
                UserUsage,
                sa.and_(
                    UserUsage.user_id == UsageReservation.user_id,
                    UserUsage.period_start == UsageReservation.period_start,
                ),
            )
            .where(
                UsageReservation.user_id == place.user_id,
                UsageReservation.state == ReservationState.HELD,
                place.is_in_progress,
            )
            .with_for_update(of=UsageReservation)
        )
    )


def _follow(place: Place, held: list[UUID]) -> None:
    """Let reservations follow their counts to the window that was opened."""
    if held:
        db.session.execute(
            sa.update(UsageReservation)
            .where(UsageReservation.id.in_(held))
            .values(period_start=place.window.start)
        )
