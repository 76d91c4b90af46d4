"""Writes that come at the same time share SQLite's commit; each is answered for itself."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError, OperationalError

from billing import create_app, database
from billing.database import BUSY_SECONDS, db, direct, end_turn, reading, take_turn, transaction
from billing.database.sharing import _LINES, share_commit
from billing.errors import DatabaseUnavailable
from billing.models import StripeCustomer
from tests.conftest import configured
from tests.support import databases
from tests.support.statements import COMMIT, watch

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
CUSTOMERS = cast(sa.Table, StripeCustomer.__table__)
INSERT = sa.insert(CUSTOMERS).values(id=sa.bindparam("id"))

Work = Callable[[direct.Run], Any]


@only_sqlite
def test_those_who_come_meanwhile_share_the_commit(app: Flask) -> None:
    passed: list[str] = []
    watch(db.engine.dialect, passed.append)

    told = answers(app, keep("cus_1"), [keep("cus_2"), keep("cus_3")])

    assert told == ["cus_1", "cus_2", "cus_3"]
    assert passed.count(COMMIT) == 1
    assert ids() == ["cus_1", "cus_2", "cus_3"]


@only_sqlite
def test_nobody_is_answered_before_the_commit(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, released = threading.Event(), threading.Event()
    do_commit = db.engine.dialect.do_commit

    def wait_and_commit(connection: Any) -> None:
        reached.set()
        assert released.wait(BUSY_SECONDS)
        do_commit(connection)

    monkeypatch.setattr(db.engine.dialect, "do_commit", wait_and_commit)
    with ThreadPoolExecutor(3) as pool:
        told = at_once(pool, app, keep("cus_1"), [keep("cus_2"), keep("cus_3")])
        assert reached.wait(BUSY_SECONDS)
        time.sleep(0.1)
        answered = [one.done() for one in told]
        released.set()

    assert answered == [False, False, False]
    assert [one.result() for one in told] == ["cus_1", "cus_2", "cus_3"]


@only_sqlite
def test_the_fault_of_one_who_came_meanwhile_is_heard_by_nobody_else(app: Flask) -> None:
    first, second, third = answers(app, keep("cus_1"), [fail(ValueError), keep("cus_3")])

    assert (first, third) == ("cus_1", "cus_3")
    assert isinstance(second, ValueError)
    assert ids() == ["cus_1", "cus_3"]


@only_sqlite
@pytest.mark.parametrize("fault", [ValueError, SystemExit])
def test_the_fault_of_the_one_whose_turn_it_is_is_heard_by_nobody_else(
    app: Flask, fault: type[BaseException]
) -> None:
    first, *others = answers(app, fail(fault), [keep("cus_2"), keep("cus_3")])

    assert isinstance(first, fault)
    assert others == ["cus_2", "cus_3"]
    assert ids() == ["cus_2", "cus_3"]


@only_sqlite
def test_a_row_that_is_there_already_fails_alone(app: Flask) -> None:
    share_commit(keep("cus_2"))

    first, second = answers(app, keep("cus_1"), [keep("cus_2")])

    assert first == "cus_1"
    assert isinstance(second, IntegrityError)


@only_sqlite
def test_a_commit_that_fails_is_tried_again_by_each_alone(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [OperationalError("COMMIT", {}, Exception("disk is full"))]
    do_commit = db.engine.dialect.do_commit

    def fail_once(connection: Any) -> None:
        if faults:
            raise faults.pop()
        do_commit(connection)

    monkeypatch.setattr(db.engine.dialect, "do_commit", fail_once)

    assert answers(app, keep("cus_1"), [keep("cus_2")]) == ["cus_1", "cus_2"]
    assert ids() == ["cus_1", "cus_2"]


@only_sqlite
@pytest.mark.parametrize("committed", [False, True])
def test_a_process_killed_within_leaves_all_or_nothing(app: Flask, committed: bool) -> None:
    db.engine.dispose()

    child = os.fork()
    if child == 0:
        die_at_the_commit(app, committed)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert ids() == (["cus_1", "cus_2"] if committed else [])


@only_sqlite
def test_who_gave_up_waiting_is_not_written_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    take_turn(db.engine)
    with pytest.raises(DatabaseUnavailable):
        share_commit(keep("cus_1"))
    end_turn(db.engine)

    assert share_commit(keep("cus_2")) == "cus_2"
    assert ids() == ["cus_2"]


@only_sqlite
def test_two_databases_share_nothing(app: Flask, tmp_path: Any) -> None:
    config = configured(f"sqlite:///{tmp_path / 'other.db'}")
    databases.migrate(config)
    other = create_app(config)

    told = answers(app, keep("cus_1"), [keep("cus_2")], elsewhere=other)

    assert told == ["cus_1", "cus_2"]
    assert ids() == ["cus_1"]
    with other.app_context():
        assert ids() == ["cus_2"]
    databases.close(other)


@only_sqlite
def test_one_alone_is_answered_as_by_a_transaction(app: Flask) -> None:
    assert share_commit(keep("cus_1")) == "cus_1"
    with pytest.raises(IntegrityError):
        share_commit(keep("cus_1"))

    assert share_commit(keep("cus_2")) == "cus_2"
    assert ids() == ["cus_1", "cus_2"]


@only_sqlite
def test_one_alone_that_fails_is_not_tried_again(app: Flask) -> None:
    tried: list[str] = []

    def work(run: direct.Run) -> None:
        tried.append("once")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - ours, without words
        share_commit(work)

    assert tried == ["once"]


@only_sqlite
def test_it_does_not_nest_and_leaves_nothing_in_the_line(app: Flask) -> None:
    with transaction(), pytest.raises(RuntimeError, match="already open"):
        share_commit(keep("cus_1"))

    share_commit(keep("cus_2"))
    assert ids() == ["cus_2"]


def keep(customer_id: str) -> Work:
    """Work that inserts a customer and gives its id."""

    def work(run: direct.Run) -> str:
        run(INSERT, {"id": customer_id})
        return customer_id

    return work


def fail(fault: type[BaseException]) -> Work:
    """Work that writes, and then fails."""

    def work(run: direct.Run) -> None:
        run(INSERT, {"id": "cus_late"})
        raise fault

    return work


def answers(
    app: Flask, first: Work, later: Sequence[Work], *, elsewhere: Flask | None = None
) -> list[Any]:
    """What each of them was told: what its work gave, or its fault."""
    with ThreadPoolExecutor(1 + len(later)) as pool:
        told = at_once(pool, app, first, later, elsewhere=elsewhere)
        return [one.exception(BUSY_SECONDS) or one.result() for one in told]


def at_once(
    pool: ThreadPoolExecutor,
    app: Flask,
    first: Work,
    later: Sequence[Work],
    *,
    elsewhere: Flask | None = None,
) -> list[Future[Any]]:
    """Let the first have its turn, and the others come before its work is done."""
    begun, awaited = threading.Event(), threading.Event()

    def wait_and_work(run: direct.Run) -> Any:
        begun.set()
        assert awaited.wait(BUSY_SECONDS)
        return first(run)

    told = [pool.submit(in_context, app, wait_and_work)]
    assert begun.wait(BUSY_SECONDS)
    there = elsewhere or app
    told += [pool.submit(in_context, there, work) for work in later]
    with there.app_context():
        while len(_LINES.get(db.engine, ())) < len(later):
            time.sleep(0.001)
    awaited.set()
    return told


def in_context(app: Flask, work: Work) -> Any:
    """Share a commit in a context of its own."""
    with app.app_context():
        return share_commit(work)


def die_at_the_commit(app: Flask, committed: bool) -> None:
    """Write two rows in one commit, and be killed right before or after it."""
    try:
        kill = partial(os.kill, os.getpid(), signal.SIGKILL)
        dialect = db.engine.dialect
        if committed:
            watch(dialect, lambda point: kill() if point == COMMIT else None)
        else:
            vars(dialect)["do_commit"] = lambda _: kill()
        answers(app, keep("cus_1"), [keep("cus_2")])
    finally:
        os._exit(1)


def ids() -> list[str]:
    """The customers that are here."""
    with reading() as session:
        return list(session.scalars(sa.select(StripeCustomer.id).order_by(StripeCustomer.id)))
