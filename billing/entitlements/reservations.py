"""May work that can fail begin? Reserve, do it, then commit what it took or release.

A reservation counts as used from the start, until it is released or expires. Like counting, each
step opens its own transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from billing import clock
from billing.database import direct, reading, transaction
from billing.entitlements import holds
from billing.entitlements.counting import KeyReused, admit, sane_key
from billing.entitlements.holds import Hold
from billing.entitlements.place import Place
from billing.entitlements.quotas import Usage, sane_amount, usage_of
from billing.entitlements.standing import standing_of
from billing.errors import Conflict, Invalid, NotFound
from billing.models import Metric, ReservationState, UsageReservation

SECONDS = 600
MAX_SECONDS = 24 * 3600


class ReservationOver(Conflict):
    """The reservation was released, or it expired, or another amount was committed."""

    code = "reservation_over"


@dataclass(frozen=True, slots=True)
class Reservation:
    """An amount that is held, and what is used with it."""

    id: UUID
    metric: Metric
    amount: int
    state: ReservationState
    expires_at: datetime
    usage: Usage


def reserve_usage(
    user_id: UUID,
    metric: Metric,
    amount: int = 1,
    *,
    key: str | None = None,
    seconds: int = SECONDS,
) -> Reservation:
    """Hold the amount for a while, or raise QuotaExceeded and hold nothing.

    The same key holds once: repeated, it answers with the first reservation as it stands. Raises
    KeyReused when it stands for another metric or amount, Invalid for odd amounts or times.
    """
    sane_key(key)
    if type(seconds) is not int or not 1 <= seconds <= MAX_SECONDS:
        raise Invalid(f"A reservation lasts from 1 to {MAX_SECONDS} seconds.")
    sane_amount(amount)
    values = {
        "id": uuid4(),
        "user_id": user_id,
        "key": key,
        "metric": metric.value,
        "amount": amount,
        "expires_at": clock.utc_now() + timedelta(seconds=seconds),
    }

    def is_first(run: direct.Run, place: Place) -> bool:
        where = {"period_start": place.window.start, "day": place.day}
        return holds.note(run, values | where)

    count = admit(user_id, metric, amount, is_first)
    ours = UsageReservation.id == values["id"] if count.is_new else UsageReservation.key == key
    return _told(_held(user_id, ours, metric, amount), count.usage)


def commit_usage(user_id: UUID, reservation_id: UUID, amount: int | None = None) -> Reservation:
    """Keep what the work took: all, or the smaller `amount`; the rest is given back.

    Safe to repeat. Raises NotFound, ReservationOver (released, expired, or committed otherwise),
    Invalid for more than was reserved.
    """

    def end(hold: Hold) -> Hold:
        kept = hold.amount if amount is None else sane_amount(amount)
        if hold.state is ReservationState.COMMITTED and kept == hold.kept:
            return hold
        if hold.state is not ReservationState.HELD or hold.expires_at <= clock.utc_now():
            raise ReservationOver("The reservation is over.", state=hold.state.value)
        if kept > hold.amount:
            raise Invalid("More than was reserved cannot be committed.")
        holds.close(hold, ReservationState.COMMITTED, kept)
        return hold

    return _ended(user_id, reservation_id, end)


def release_usage(user_id: UUID, reservation_id: UUID) -> Reservation:
    """Give back what was held. Safe to repeat, also after it expired.

    Raises NotFound, ReservationOver for one that was committed.
    """

    def end(hold: Hold) -> Hold:
        if hold.state is ReservationState.COMMITTED:
            raise ReservationOver("The reservation was committed.", state=hold.state.value)
        if hold.state is ReservationState.HELD:
            holds.close(hold, ReservationState.RELEASED, kept=0)
        return hold

    return _ended(user_id, reservation_id, end)


def _held(user_id: UUID, ours: sa.ColumnElement[bool], metric: Metric, amount: int) -> Hold:
    with reading():
        hold = holds.find(UsageReservation.user_id == user_id, ours)
    if hold is None or (hold.metric, hold.amount) != (metric, amount):
        raise KeyReused("This idempotency key stands for another reservation.")
    return hold


def _ended(user_id: UUID, reservation_id: UUID, end: Callable[[Hold], Hold]) -> Reservation:
    """End the reservation under its lock, and read how it stands then."""
    mine = (UsageReservation.id == reservation_id, UsageReservation.user_id == user_id)
    with transaction():
        hold = holds.find(*mine)
        if hold is None:
            raise NotFound("There is no such reservation.")
        end(hold)
        hold = holds.find(*mine) or hold
    return _told(hold, usage_of(standing_of(user_id))[hold.metric])


def _told(hold: Hold, usage: Usage) -> Reservation:
    return Reservation(hold.id, hold.metric, hold.amount, hold.state, hold.expires_at, usage)
