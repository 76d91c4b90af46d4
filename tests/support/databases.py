"""How does every test get an empty, migrated database, fast?"""

import re
import shutil
from functools import cache
from pathlib import Path

import flask_migrate
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Connection, Engine

from billing import create_app
from billing.database import READS, Base, db, dialect_name, transaction
from config import Config

MIGRATIONS = Path(__file__).parents[2] / "migrations"
WRITING = re.compile(r"\s*(INSERT|UPDATE|DELETE|WITH\b.*\b(INSERT|UPDATE|DELETE)\b)", re.DOTALL)


def migrate(config: Config) -> None:
    """Bring the database of the configuration to the newest migration."""
    app = create_app(config)
    with app.app_context():
        flask_migrate.upgrade(str(MIGRATIONS))
        db.engine.dispose()


def empty() -> None:
    """Delete every row. Faster than TRUNCATE where the tables are nearly empty."""
    at_once = dialect_name() == "postgresql"  # its driver takes many statements for one
    with transaction() as session:
        for statement in [";".join(_deletions())] if at_once else _deletions():
            session.connection().exec_driver_sql(statement)


@cache
def _deletions() -> list[str]:
    return [str(sa.delete(table)) for table in reversed(Base.metadata.sorted_tables)]


def copy_sqlite(template: Path, target: Path) -> str:
    """Copy a SQLite database that nobody has open, and return the copy's address."""
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


def hurry() -> None:
    """Let SQLite not wait for the disk, as the tests' PostgreSQL does not; for many transactions.

    A process that is killed loses nothing by it; only the machine could.
    """
    if dialect_name() == "sqlite":
        db.engine.dispose()
        sa.event.listen(
            db.engine, "connect", lambda raw, record: raw.execute("PRAGMA synchronous=OFF")
        )


def close(app: Flask) -> None:
    """Close the connections of an application."""
    with app.app_context():
        db.engine.dispose()


def watch_readers() -> None:
    """Fail whoever writes where only reading was meant: there each statement commits itself."""
    sa.event.listen(Engine, "before_cursor_execute", _refuse_to_write)


def _refuse_to_write(connection: Connection, _: object, text: str, *more: object) -> None:
    if READS in connection.get_execution_options() and WRITING.match(text):
        raise AssertionError(f"written while reading: {text}")
