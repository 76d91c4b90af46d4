"""How does a migration reach the database? One at a time, in one transaction."""

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.engine import Connection

import billing.models
from billing.database import WRITES, Base, UtcDateTime, db

LOCK = 7_211_001
"""Any constant: machines that start together wait for one another under it."""

assert billing.models.User  # noqa: S101 - every model must be known before tables are compared


def render(kind: str, value: object, autogen: AutogenContext) -> str | bool:
    """Write our own column types by the plain ones they stand for: migrations outlive code."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(value) is sa.JSON and "postgresql" in value._variant_mapping:
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


def run(connection: Connection) -> None:
    """Migrate, holding the lock where the database has one; SQLite's write lock is its own."""
    if connection.dialect.name == "postgresql":
        # The others are waited for however long they migrate; a table that is in use is not.
        connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        connection.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_item=render,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations need a connection: run `flask db upgrade` against the database")

with db.engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
    run(connection)
