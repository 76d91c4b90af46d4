"""May this be used? Promises that were sold: never over-admitted, and a key counts once.

What counts here opens its own transaction; call it outside of one. A database that is locked or
away raises (the caller hears 503), and then nothing was admitted.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database import direct, reading, transaction
from billing.database.built import unless_taken
from billing.entitlements import counters, opening
from billing.entitlements.place import Place
from billing.entitlements.quotas import Usage, sane_amount, tally, usage_of
from billing.entitlements.standing import (
    Standing,
    forget_standings,
    last_standing_of,
    standing_of,
)
from billing.errors import Conflict, DatabaseUnavailable, Invalid
from billing.models import Metric, UsageKey

MAX_KEY = 255
ATTEMPTS = 5

IsFirst = Callable[[direct.Run, Place], bool]


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

    The same key counts once: repeated, it answers with what is used by now. A key is the caller's
    own name for one piece of work; one that an untrusted client sent must not be passed on here.
    Raises KeyReused when it was used for another metric or amount, Invalid for an amount below one.
    """
    return count_usage(user_id, metric, amount, key=key).usage


def count_usage(user_id: UUID, metric: Metric, amount: int = 1, *, key: str | None = None) -> Count:
    """Do what `increment_usage` does, and tell a first use of the key from a repeated one."""
    sane_key(key)
    if key is None:
        return admit(user_id, metric, amount)
    use = {"user_id": user_id, "key": key, "metric": metric.value, "amount": amount}
    count = admit(user_id, metric, amount, lambda run, place: run(_noting(), use) is not None)
    if not count.is_new:
        _same_use(use)
    return count


def admit(user_id: UUID, metric: Metric, amount: int, is_first: IsFirst | None = None) -> Count:
    """Count unless that would pass the limit. Raises QuotaExceeded, Invalid.

    `is_first` runs in the same transaction, before anything counts: False means that this was
    counted already, and what it wrote is kept only if the amount is admitted. The limit is that
    of the standing decided last; a statement that finds another version counts nothing, and then
    the standing is decided anew.
    """
    sane_amount(amount)
    standing = last_standing_of(user_id)
    for _ in range(ATTEMPTS):
        count = _counted(standing, metric, amount, is_first)
        if count is not None:
            return count
        forget_standings()
        standing = standing_of(user_id)
        usage = usage_of(standing)[metric]
        if not usage.has_room_for(amount):
            raise usage.refusal(amount, standing.moment)
        _prepare(Place.of(standing))
    raise DatabaseUnavailable("Others were quicker each time; try again soon.")


def give_back(user_id: UUID, metric: Metric, amount: int = 1) -> None:
    """Take off again what was counted for work that did not happen."""
    place = Place.of(standing_of(user_id))
    with transaction():
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
    """Roll back: one of the steps found no row."""


def _counted(
    standing: Standing, metric: Metric, amount: int, is_first: IsFirst | None
) -> Count | None:
    """Count in one transaction, of one statement where that is enough; None: nothing is kept."""
    place, empty = Place.of(standing), tally(standing, metric, 0)
    steps = counters.claim(place, metric, amount, empty.most, standing.version)
    if is_first is None and len(steps) == 1:
        row = direct.run_alone(*steps[0])
        return Count(empty.at(row[0]), is_new=True) if row else None
    try:
        with direct.transaction() as run:
            if is_first is None or is_first(run, place):
                return Count(empty.at(_taken(run, steps)), is_new=True)
    except _NotCounted:
        return None
    return Count(usage_of(standing)[metric], is_new=False)


def _taken(run: direct.Run, steps: Iterable[counters.Step]) -> int:
    """Take all the steps, and return the total that the first of them gives."""
    rows = [run(*step) for step in steps]
    totals = [row[0] for row in rows if row is not None]
    if len(totals) < len(rows):
        raise _NotCounted
    total: int = totals[0]
    return total


def _noting() -> sa.Executable:
    return unless_taken(UsageKey, ("user_id", "key", "metric", "amount"), key="user_id key")


def _same_use(use: Mapping[str, Any]) -> None:
    """Raise KeyReused if the key stands for something else."""
    with reading() as session:
        known = session.execute(
            sa.select(UsageKey.metric, UsageKey.amount).where(
                UsageKey.user_id == use["user_id"], UsageKey.key == use["key"]
            )
        ).first()
    if known is not None and tuple(known) != (use["metric"], use["amount"]):
        raise KeyReused("This idempotency key was used for another metric or amount.")


def _prepare(place: Place) -> None:
    with transaction():
        opening.prepare(place)


def _moved(standing: Standing, move: Callable[[Place], int]) -> Usage:
    place = Place.of(standing)
    _prepare(place)
    with transaction():
        return tally(standing, Metric.STORAGE_USED_MB, move(place))
