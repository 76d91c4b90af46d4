"""standing versions

Revision: 202611230520
Follows: 202611230510

The database itself changes a user's version whenever something changes that the user's standing
is decided from, so that no writer can forget to. Versions are random: one that a process still
remembers never comes again, not even after a restore. A later migration that makes one of these
tables anew, as SQLite must for most changes, drops the triggers first and makes them again after.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230520"
down_revision = "202611230510"
branch_labels = None
depends_on = None

NEW = {
    "sqlite": "random()",
    "postgresql": "(random() * 9007199254740992)::bigint",
}

OF_CUSTOMER = "stripe_customer_id IN ({rows})"
ON_CLOCK = "stripe_customer_id IN (SELECT id FROM stripe_customers WHERE test_clock_id IN ({rows}))"
USERS = {
    "user_subscriptions": ("", "user_id", "id IN ({rows})"),
    "invoices": ("", "stripe_customer_id", OF_CUSTOMER),
    "stripe_customers": ("test_clock_id", "id", OF_CUSTOMER),
    "stripe_test_clocks": ("frozen_at", "id", ON_CLOCK),
    "users": ("email, stripe_customer_id", "id", "id IN ({rows})"),
}
"""By table: the columns that matter (none: all), the one that leads to users, and to whom."""

PLANS = "subscription_plans"
ROWS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
EVENTS = [(table, event) for table in (*USERS, PLANS) for event in ROWS if table != "users"]
EVENTS.append(("users", "UPDATE"))


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("standing_version", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_table(
        "plans_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_plans_version_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans_version")),
    )
    op.execute("INSERT INTO plans_version VALUES (1, 0)")
    for table, event in EVENTS:
        create_trigger(table, event)


def downgrade() -> None:
    for table, event in EVENTS:
        drop_trigger(table, event)
    op.drop_table("plans_version")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("standing_version")


def create_trigger(table: str, event: str) -> None:
    name, columns = name_of(table, event), USERS[table][0] if table in USERS else ""
    of = f" OF {columns}" if columns and event == "UPDATE" else ""
    when = f"AFTER {event}{of} ON {table} FOR EACH ROW"
    if is_sqlite():
        op.execute(f"CREATE TRIGGER {name} {when} BEGIN {change(table, event)}; END")
        return
    body = f"BEGIN {change(table, event)}; RETURN NULL; END"
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
    op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()")


def drop_trigger(table: str, event: str) -> None:
    name = name_of(table, event)
    op.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite() else f" ON {table}"))
    if not is_sqlite():
        op.execute(f"DROP FUNCTION {name}()")


def change(table: str, event: str) -> str:
    """Write the statement that gives a new version to whom the changed row concerns."""
    new = NEW[op.get_bind().dialect.name]
    if table == PLANS:
        made = f"INSERT INTO plans_version VALUES (1, {new})"  # noqa: S608 - of constants above
        return f"{made} ON CONFLICT (id) DO UPDATE SET version = excluded.version"
    _, column, whose = USERS[table]
    rows = ", ".join(f"{row}.{column}" for row in ROWS[event])
    chosen = whose.format(rows=rows)
    return f"UPDATE users SET standing_version = {new} WHERE {chosen}"  # noqa: S608 - as above


def name_of(table: str, event: str) -> str:
    return f"{table}_{event.lower()}_changes_standing"


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
