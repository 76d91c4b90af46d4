"""Which SQL was sent? Whatever path it took: every path goes through the dialect."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.engine import Dialect

from billing.database import db

COMMIT = "COMMIT"
OF_ITSELF = f"{COMMIT} of "
DOORS = ("do_execute", "do_execute_no_params", "do_executemany")


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements sent meanwhile; BEGIN, COMMIT and ROLLBACK are not among them."""
    sent: list[str] = []

    def note(told: str) -> None:
        text = told.removeprefix(OF_ITSELF)
        if not text.startswith(("BEGIN", COMMIT)):
            sent.append(text)

    dialect = db.engine.dialect
    watch(dialect, note)
    try:
        yield sent
    finally:
        for door in (*DOORS, "do_commit"):
            delattr(dialect, door)


def watch(dialect: Dialect, passed: Callable[[str], None]) -> None:
    """Tell of each statement and each commit after it was done.

    A statement that commits itself is told as the commit that it is.
    """

    def statement(door: Callable[..., Any]) -> Callable[..., Any]:
        def done(cursor: Any, text: str, *rest: Any, **more: Any) -> None:
            door(cursor, text, *rest, **more)
            passed(OF_ITSELF + text if commits_itself(cursor) else text)

        return done

    def commit(connection: Any) -> None:
        do_commit(connection)
        passed(COMMIT)

    do_commit = dialect.do_commit
    for door in DOORS:
        setattr(dialect, door, statement(getattr(dialect, door)))
    dialect.do_commit = commit


def commits_itself(cursor: Any) -> bool:
    """Tell whether the driver opened no transaction around the statement."""
    if isinstance(cursor.connection, psycopg.Connection):
        return cursor.connection.autocommit
    return not cursor.connection.in_transaction
