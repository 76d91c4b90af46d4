"""How do threads share a commit? Whoever has SQLite's turn writes for all who come meanwhile.

SQLite has one writer, and flushes at each commit: those who wait for their turn are better served
by the commit that they wait for.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Engine

from billing.database import db, direct, only_one

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Order:
    """What a thread wants written; open until it is durable, or its thread gave up waiting."""

    work: Callable[[direct.Run], Any]
    gave: Any = None
    is_open: bool = True


_LINES: WeakKeyDictionary[Engine, deque[_Order]] = WeakKeyDictionary()


def share_commit(work: Callable[[direct.Run], T]) -> T:
    """Do the work in a transaction, with that of other threads; return what it gave, once durable.

    The work uses its `run` alone: another thread may do it, and do it again after rolling back. If
    it fails, only its own thread hears of it. For SQLite alone: PostgreSQL's writers do not wait
    for one another, and share their flushes by themselves. Raises as `direct.transaction` does.
    """
    engine = db.engine
    ours, line = _Order(work), _LINES.setdefault(engine, deque())
    line.append(ours)
    try:
        with only_one(engine):
            if ours.is_open:
                _write(engine, ours, line)
    finally:
        ours.is_open = False
    gave: T = ours.gave
    return gave


def _write(engine: Engine, ours: _Order, line: deque[_Order]) -> None:
    """Write ours and all that come before it is done; if that fails, ours alone.

    Whose work failed is not asked: the turn of each comes, and then it is alone at first.
    """
    orders = [ours]
    try:
        with direct.begun(engine) as run:
            for order in orders:  # which grows meanwhile
                order.gave = order.work(run)
                orders += _waiting(line, ours)
    except Exception:
        if len(orders) == 1:
            raise
        with direct.begun(engine) as run:
            ours.gave = ours.work(run)
    else:
        for order in orders:
            order.is_open = False


def _waiting(line: deque[_Order], ours: _Order) -> list[_Order]:
    """Take all from the line; ours stands there too, unless somebody who failed took it."""
    taken = [line.popleft() for _ in range(len(line))]
    return [order for order in taken if order.is_open and order is not ours]
