"""How do the hottest paths write? By statements compiled once, on the driver's own cursor.

A transaction here is as durable as `database.transaction`, shares its pool, its locks and its
errors, and costs a fifth of it. It is for paths that run thousands of times a second; everything
else is clearer with a session.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import sqlalchemy as sa
from flask import g
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from billing.database import (
    BEGIN_WRITING,
    OPEN,
    commit_each,
    db,
    end_turn,
    only_one,
    start_afresh,
    take_turn,
)

CURSOR = "billing_cursor"

Row = tuple[Any, ...]
Run = Callable[[sa.Executable, Mapping[str, Any]], Row | None]


@contextmanager
def transaction() -> Iterator[Run]:
    """Commit on success, roll back on any error; yields what runs a statement.

    `run(statement, values)` gives the first row, as the driver reads it, or None. The statement
    must be built once and kept (it is compiled at its first use), its `bindparam`s named by
    `values`; what columns make by default is made. It does not nest, in neither kind of
    transaction. A lock or a lost connection raises as SQLAlchemy does, and so becomes a 503.
    """
    engine = db.engine
    with only_one(engine), begun(engine) as run:
        yield run


@contextmanager
def begun(engine: Engine) -> Iterator[Run]:
    """Begin, and commit or roll back, for whoever has the turn already; see `transaction`."""
    with _pooled(engine) as connection:
        commit_each(connection.driver_connection, False)
        cursor = _cursor(connection)
        if engine.dialect.name == "sqlite":
            engine.dialect.do_execute(cursor, BEGIN_WRITING, ())
        yield partial(_run, engine.dialect, cursor)
        engine.dialect.do_commit(connection)


def run_alone(statement: sa.Executable, values: Mapping[str, Any]) -> Row | None:
    """Run one statement as a transaction of its own: on PostgreSQL that is one round trip.

    When it returns, what was written is durable. For the rest see `transaction`.
    """
    engine = db.engine
    start_afresh()
    take_turn(engine)
    try:
        return _alone(engine, statement, values)
    finally:
        end_turn(engine)


def read(statement: sa.Executable, values: Mapping[str, Any]) -> Row | None:
    """Read the first row of what is committed, waiting for no writer. Not inside a transaction."""
    if g.get(OPEN):
        raise RuntimeError("what this transaction wrote would not be seen")
    return _alone(db.engine, statement, values)


def _alone(engine: Engine, statement: sa.Executable, values: Mapping[str, Any]) -> Row | None:
    with _pooled(engine) as connection:
        commit_each(connection.driver_connection, True)
        return _run(engine.dialect, _cursor(connection), statement, values)


def _run(
    dialect: Dialect, cursor: DBAPICursor, statement: sa.Executable, values: Mapping[str, Any]
) -> Row | None:
    compiled = _compiled(statement, dialect)
    dialect.do_execute(cursor, compiled.text, compiled.parameters(values))
    if not compiled.gives_rows:
        return None
    rows = cursor.fetchall()  # to the end: SQLite commits no sooner
    return rows[0] if rows else None


@contextmanager
def _pooled(engine: Engine) -> Iterator[PoolProxiedConnection]:
    """Lend a connection; given back, it rolls back what was not committed."""
    connection = None
    try:
        connection = engine.raw_connection()
        yield connection
    except engine.dialect.loaded_dbapi.Error as error:
        raise _told(engine, connection, error) from error
    finally:
        if connection is not None:
            connection.close()


def _cursor(connection: PoolProxiedConnection) -> DBAPICursor:
    """Use one cursor as long as the connection lives: psycopg's takes long to make."""
    cursor: DBAPICursor = connection.info.get(CURSOR) or connection.cursor()
    connection.info[CURSOR] = cursor
    return cursor


def _told(
    engine: Engine, connection: PoolProxiedConnection | None, error: Any
) -> sa.exc.StatementError:
    """Say what SQLAlchemy would. If the connection is lost, so are those opened before it."""
    kind = engine.dialect.loaded_dbapi.Error
    is_lost = connection is not None and engine.dialect.is_disconnect(
        error, connection.dbapi_connection, None
    )
    if is_lost and connection is not None:
        engine.pool._invalidate(connection, error)
    told = sa.exc.DBAPIError.instance(
        None,
        None,
        error,
        kind,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=engine.dialect,
    )
    assert isinstance(told, sa.exc.StatementError)  # noqa: S101 - the driver's errors give no other
    return told


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as the driver takes it, and how each of its parameters is written."""

    text: str
    gives_rows: bool
    order: tuple[str, ...] | None
    constants: Mapping[str, Any]
    makers: Mapping[str, Callable[[Any], Any]]
    writers: Mapping[str, Callable[[Any], Any]]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """Write the values as the driver takes them: by name, or in order."""
        told = {**values, **{name: make(None) for name, make in self.makers.items()}}
        for name, write in self.writers.items():
            told[name] = write(told[name])
        told.update(self.constants)
        return told if self.order is None else [told[name] for name in self.order]


@lru_cache(maxsize=200)
def _compiled(statement: sa.Executable, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined] # all can be compiled
    if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
        raise ValueError("only a statement whose text never changes can be compiled once")
    defaults = _defaults(compiled)
    makers = {name: one.arg for name, one in defaults.items() if one.is_callable}
    fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    fixed |= {name: one.arg for name, one in defaults.items() if one.is_scalar}
    writers = {
        name: writer
        for name, bind in compiled.binds.items()
        if (writer := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    return _Compiled(
        text=compiled.string,
        gives_rows=isinstance(statement, sa.Select) or bool(compiled.effective_returning),
        order=tuple(compiled.positiontup or ()) if compiled.positional else None,
        constants={
            name: writers[name](value) if name in writers else value
            for name, value in fixed.items()
            if name not in makers
        },
        makers=makers,
        writers={
            name: writer for name, writer in writers.items() if name in makers or name not in fixed
        },
    )


def _defaults(compiled: SQLCompiler) -> dict[str, Any]:
    """What columns give by themselves: SQLAlchemy fills it in when it executes, not before."""
    made = [(column.key, column.default) for column in compiled.insert_prefetch]
    made += [(column.key, column.onupdate) for column in compiled.update_prefetch]
    return dict(made)
