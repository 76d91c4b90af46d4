"""How do we talk to the database? One transaction, one upsert, one kind of moment, two dialects."""

import math
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from flask import g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from billing.errors import DatabaseUnavailable

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
BUSY_SECONDS = 10
BEGIN_WRITING = "BEGIN IMMEDIATE"
WRITES = "billing_writes"
READS = "billing_reads"
OPEN = "billing_transaction"

_WRITER = threading.Lock()


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC moment on every dialect; a naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must carry its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The parent of every model."""

    registry = registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime(),
            dict[str, Any]: sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
        },
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


@contextmanager
def transaction() -> Iterator[Session]:
    """Commit on success, roll back on any error. With `direct`, the only place that commits.

    It starts from fresh reads: what the session had loaded before is forgotten. On SQLite it takes
    the write lock at once, so that nothing read inside can be overtaken. It does not nest.
    """
    session = db.session()
    with only_one(db.engine):
        try:
            session.connection(execution_options={WRITES: True})
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


@contextmanager
def only_one(engine: Engine) -> Iterator[None]:
    """Open the one transaction of this context, and forget what its session read before.

    SQLite has one writer. The threads of this process take turns by a lock, which wakes the next
    at once; SQLite's own waiting sleeps, and lets some starve. Raises DatabaseUnavailable.
    """
    start_afresh()
    take_turn(engine)
    setattr(g, OPEN, True)
    try:
        yield
    finally:
        setattr(g, OPEN, False)
        end_turn(engine)


def take_turn(engine: Engine) -> None:
    """Wait for SQLite's one writer; whoever was given the turn ends it."""
    if engine.dialect.name == "sqlite" and not _WRITER.acquire(timeout=BUSY_SECONDS):
        raise DatabaseUnavailable("The database is busy; try again soon.")


def end_turn(engine: Engine) -> None:
    """Let the next one write."""
    if engine.dialect.name == "sqlite":
        _WRITER.release()


def start_afresh() -> None:
    """Make sure that no transaction is open here, and forget what the session read."""
    if g.get(OPEN):
        raise RuntimeError("a transaction is already open here")
    if db.session.registry.has():
        _forget_reads(db.session())


def _forget_reads(session: Session) -> None:
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("something was changed outside of a transaction")
    session.rollback()
    session.expire_all()  # rolling back forgets nothing of a transaction that was committed


@contextmanager
def reading() -> Iterator[Session]:
    """Read, and leave no transaction open behind: what follows may be a slow call to Stripe.

    On PostgreSQL each statement stands alone, as it sees what is committed anyway: it costs one
    round trip, not three. Inside a transaction it reads what that has written.
    """
    session = db.session()
    if g.get(OPEN):
        yield session
        return
    try:
        if not session.in_transaction():
            session.connection(execution_options={READS: True})
        with session.no_autoflush:  # a change that nobody commits is not sent
            yield session
    finally:
        session.rollback()


def insert(model: type[Base] | sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that knows ON CONFLICT, in the dialect of the bound database."""
    return postgresql.insert(model) if dialect_name() == "postgresql" else sqlite.insert(model)


def insert_or_nothing(
    model: type[Base], row: Mapping[str, Any], *, key: str
) -> sqlite.Insert | postgresql.Insert:
    """Insert the row unless its key is taken."""
    return insert(model).values(row).on_conflict_do_nothing(index_elements=key.split())


def dialect_name() -> str:
    """Say which database is bound: `sqlite` or `postgresql`."""
    return db.engine.dialect.name


class moment(GenericFunction[datetime]):  # noqa: N801 - reads as a function: moment(60)
    """The database's clock, that many seconds from now. Leases and due times use no other."""

    type = UtcDateTime()
    inherit_cache = True
    name = "billing_moment"

    def __init__(self, seconds: float | sa.BindParameter[float] = 0) -> None:
        if not isinstance(seconds, sa.BindParameter):
            seconds = sa.literal(float(seconds), sa.Float())
        super().__init__(seconds)


@compiles(moment, "postgresql")
def _moment_on_postgresql(element: moment, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(moment, "sqlite")
def _moment_on_sqlite(element: moment, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    # SQLAlchemy writes microseconds; the three zeros keep stored moments comparable as text.
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds') || '000')"


def engine_options(url: str) -> dict[str, Any]:
    """Choose what the driver needs to fail soon and clearly when the database is locked or away.

    The values of a statement that failed are kept out of the log: they hold bodies and addresses.
    """
    if url.startswith("sqlite"):
        _keep_private(url.removeprefix("sqlite:///"))
        return {"connect_args": {"timeout": BUSY_SECONDS}, "hide_parameters": True}
    waits = f"-c lock_timeout={math.ceil(BUSY_SECONDS / 2)}s -c timezone=UTC"
    return {
        "connect_args": {"connect_timeout": 5, "options": waits},
        "pool_size": 10,
        "hide_parameters": True,
    }


def _keep_private(path: str) -> None:
    """Make a file that is not there yet, for its owner alone; SQLite's other files follow it.

    A folder that is missing or closed is told when the database is opened.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


@sa.event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: object, record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # the driver must not begin for us: `_begin` does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL may lose acknowledged events at power loss
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}")


@sa.event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(BEGIN_WRITING if WRITES in options else "BEGIN")
    else:
        commit_each(connection.connection.driver_connection, READS in options)


def commit_each(connection: object, each: bool) -> None:
    """Let PostgreSQL's driver commit each statement, or send BEGIN. SQLite's never sends BEGIN.

    Whoever takes a connection from the pool says so; the next one finds what the last one said.
    """
    if isinstance(connection, psycopg.Connection) and connection.autocommit != each:
        connection.autocommit = each
