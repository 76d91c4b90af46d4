"""Does whoever follows the changes see each of them, whatever commits first?"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import make_url

from billing.database import db, transaction
from billing.models import Cause, User
from billing.stripe_sync import changes
from tests.support.statements import counted

PATIENCE = 5
BLOCKED = 0.5


def a_change(name: str) -> dict[str, Any]:
    return {
        "stripe_id": "sub_A",
        "user_id": None,
        "field": name,
        "before": None,
        "after": name,
        "cause": Cause.REFRESH,
        "stripe_event_id": None,
    }


class Pause:
    """Holds the thread named `slow` between its insert and its commit."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *told: Any) -> None:
        statement = told[2]
        slow = threading.current_thread().name.startswith("slow")
        if slow and statement.startswith("INSERT INTO changes"):
            self.reached.set()
            assert self.go_on.wait(PATIENCE)


@pytest.fixture
def pause(app: Flask) -> Iterator[Pause]:
    pause = Pause()
    sa.event.listen(db.engine, "after_cursor_execute", pause)
    yield pause
    pause.go_on.set()


def begin(app: Flask, name: str) -> Future[None]:
    """Write a change from a thread, and so a connection, of its own."""

    def write() -> None:
        with app.app_context(), transaction():
            changes.note([a_change(name)])

    return ThreadPoolExecutor(1, thread_name_prefix=name).submit(write)


def followed(cursor: int) -> list[Any]:
    return [change.after for change in changes.after(cursor, 10)]


def test_a_change_waits_for_the_one_before_it_to_commit(app: Flask, pause: Pause):
    slow = begin(app, "slow")
    assert pause.reached.wait(PATIENCE)
    quick = begin(app, "quick")

    with pytest.raises(StillRunning):
        quick.result(BLOCKED)
    seen_meanwhile = followed(0)
    pause.go_on.set()
    slow.result(PATIENCE)
    quick.result(PATIENCE)

    assert seen_meanwhile == []
    assert followed(0) == ["slow", "quick"]


def test_what_is_pending_is_locked_before_the_changes_are_numbered(app: Flask):
    with counted() as sent, transaction() as session:
        changes.note([a_change("status")])
        session.add(User(email="a@example.com"))

    told = [text for text in sent if text.startswith(("INSERT", "SELECT pg_advisory"))]
    assert told[0].startswith("INSERT INTO users")
    assert told[-1].startswith("INSERT INTO changes")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_without_the_lock_a_reader_would_skip_the_one_that_commits_late(app: Flask, database: str):
    url = make_url(database).set(drivername="postgresql").render_as_string()
    insert = (
        "INSERT INTO changes (stripe_id, field, after, cause, created_at, updated_at)"
        " VALUES ('sub_A', 'status', %s, 'refresh', now(), now())"
    )
    with psycopg.connect(url) as slow, psycopg.connect(url) as quick:
        slow.execute(insert, ('"slow"',))
        quick.execute(insert, ('"quick"',))
        quick.commit()
        first = changes.after(0, 10)
        slow.commit()

    assert [change.after for change in first] == ["quick"]
    assert followed(int(first[-1].id)) == []


def test_what_is_rolled_back_leaves_no_change(app: Flask):
    with transaction() as session:
        changes.note([a_change("lost")])
        session.rollback()
        changes.note([a_change("kept")])

    assert followed(0) == ["kept"]


def test_changes_are_written_after_everything_else(app: Flask):
    seen: list[str] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))

    with transaction() as session:
        changes.note([a_change("status")])
        session.execute(sa.text("UPDATE users SET email = email"))

    assert seen[-1].startswith("INSERT INTO changes")
