"""What the inbox is asked after every refresh is found without reading all of it."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.sql.visitors import ExternallyTraversible, replacement_traverse

from billing.database import db, dialect_name, transaction
from billing.stripe_sync import inbox

VALUES = {"told_of": "cus_1", "g": 7, "why": "away"}


@pytest.mark.parametrize("statement", [inbox.FINISH, inbox.BURY], ids=["finish", "bury"])
def test_the_events_of_a_subject_are_found_by_their_index(app: Flask, statement: sa.Update) -> None:
    assert "ix_stripe_events_subject_generation" in plan_of(statement)


def plan_of(statement: sa.Update) -> str:
    """How the database would go about it, if the table were too long to read."""
    told = replacement_traverse(statement, {}, value_of)
    text = told.compile(db.engine, compile_kwargs={"literal_binds": True})
    with transaction() as session:
        explain = "EXPLAIN QUERY PLAN"
        if dialect_name() == "postgresql":
            explain = "EXPLAIN"
            session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        return "\n".join(map(str, session.connection().exec_driver_sql(f"{explain} {text}")))


def value_of(element: ExternallyTraversible, **_: Any) -> sa.BindParameter[Any] | None:
    """A value in the place of a parameter."""
    known = isinstance(element, sa.BindParameter) and element.key in VALUES
    return sa.literal(VALUES[element.key]) if known else None
