"""May this be used? Promises that were sold: never over-admitted, and a key counts once.

What counts here opens its own transaction; call it outside of one. A database that is locked or
away raises (the caller hears 503), and then nothing was admitted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from billing.database import db, insert_unless_taken, transaction
from billing.entitlements import counters, opening
from billing.entitlements.place import Place
from billing.entitlements.quotas import Usage, sane_amount, tally, usage_of
from billing.entitlements.standing import Standing, standing_of
from billing.errors import Conflict, Invalid
from billing.models import Metric, UsageKey

MAX_KEY = 255


class KeyReused(Conflict):
    """The idempotency key was used for something else."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Count:
    """What is used after counting; `is_new` is false where the key had counted before."""

    usage: Usage
    is_new: bool


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
    sane_key(key)

    def is_first() -> bool:
        return key is None or _is_first_use(user_id, key, metric, amount)

    return admit(standing_of(user_id), metric, amount, is_first)


def admit(standing: Standing, metric: Metric, amount: int, is_first: Callable[[], bool]) -> Count:
    """Count unless that would pass the limit. Raises QuotaExceeded, Invalid.

    `is_first` runs in the same transaction, before anything counts: False means that this was
    counted already, and what it wrote is kept only if the amount is admitted.
    """
    sane_amount(amount)
    place, most = Place.of(standing), tally(standing, metric, 0).most

    def count() -> tuple[int | None, bool]:
        if is_first():
            return counters.claim(place, metric, amount, most), True
        return counters.totals(place).used[metric], False

    total, is_new = _counted(count)
    if total is None and usage_of(standing)[metric].has_room_for(amount):
        _prepare(place)
        total, is_new = _counted(count)
    if total is None:
        raise usage_of(standing)[metric].refusal(amount, standing.moment)
    return Count(tally(standing, metric, total), is_new)


def give_back(user_id: UUID, metric: Metric, amount: int = 1, *, key: str | None = None) -> None:
    """Take off again what was counted for work that did not happen; its key may be used again."""
    place = Place.of(standing_of(user_id))
    with transaction() as session:
        if key is not None:
            session.execute(
                sa.delete(UsageKey).where(UsageKey.user_id == user_id, UsageKey.key == key)
            )
        counters.give_back(place, metric, sane_amount(amount))


def set_storage(user_id: UUID, megabytes: int) -> Usage:
    """Say what is stored now, or raise QuotaExceeded and leave what was said before."""
    standing = standing_of(user_id)
    empty = tally(standing, Metric.STORAGE_USED_MB, 0)
    if not empty.has_room_for(sane_amount(megabytes, least=0)):
        raise usage_of(standing)[empty.metric].refusal(megabytes, standing.moment)
    return _moved(standing, lambda place: counters.set_storage(place, megabytes))


def release_storage(user_id: UUID, megabytes: int) -> Usage:
    """Take off what was deleted; never below zero."""
    sane_amount(megabytes)
    return _moved(standing_of(user_id), lambda place: counters.release_storage(place, megabytes))


def sane_key(key: str | None) -> None:
    """Pass an idempotency key that can be kept. Raises Invalid."""
    if key is not None and (not 1 <= len(key) <= MAX_KEY or not key.isprintable()):
        raise Invalid(f"An idempotency key is 1 to {MAX_KEY} printable characters.")


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


def _is_first_use(user_id: UUID, key: str, metric: Metric, amount: int) -> bool:
    """Note the key. Raises KeyReused if it stands for something else."""
    row = {"user_id": user_id, "key": key, "metric": metric.value, "amount": amount}
    if insert_unless_taken(UsageKey, row, key="user_id key"):
        return True
    known = db.session.execute(
        sa.select(UsageKey.metric, UsageKey.amount).where(
            UsageKey.user_id == user_id, UsageKey.key == key
        )
    ).one()
    if tuple(known) != (metric.value, amount):
        raise KeyReused("This idempotency key was used for another metric or amount.")
    return False


def _prepare(place: Place) -> None:
    with transaction():
        opening.prepare(place)


def _moved(standing: Standing, move: Callable[[Place], int]) -> Usage:
    place = Place.of(standing)
    _prepare(place)
    with transaction():
        return tally(standing, Metric.STORAGE_USED_MB, move(place))
