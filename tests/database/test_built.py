"""Statements that are built once, for each dialect, and run in the session's transaction."""

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects import postgresql, sqlite

from billing import create_app
from billing.database import reading, transaction
from billing.database.built import once, send, table, unless_taken
from billing.models import StripeCustomer
from tests.conftest import configured

CUSTOMERS = table(StripeCustomer)
INSERT = sa.insert(CUSTOMERS).values(id=sa.bindparam("id"))
ALL = sa.select(CUSTOMERS.c.id)


def test_a_statement_is_built_once_for_each_argument(app: Flask) -> None:
    built: list[int] = []

    @once
    def chosen(number: int) -> sa.Select[tuple[int]]:
        built.append(number)
        return sa.select(sa.literal(number))

    told = [send(chosen(number)).scalar_one() for number in (1, 2, 1)]

    assert told == [1, 2, 1]
    assert built == [1, 2]


@pytest.mark.parametrize(
    ("url", "kind"),
    [("sqlite://", sqlite.Insert), ("postgresql+psycopg://me@/billing", postgresql.Insert)],
    ids=["sqlite", "postgresql"],
)
def test_each_dialect_has_a_statement_of_its_own(url: str, kind: type[sa.Insert]) -> None:
    with create_app(configured(url)).app_context():
        assert isinstance(unless_taken(StripeCustomer, ("id",), key="id"), kind)


def test_what_is_sent_belongs_to_the_transaction(app: Flask) -> None:
    with transaction() as session:
        send(INSERT, id="cus_1")
        session.rollback()
    with transaction():
        send(INSERT, id="cus_2")

    with reading():
        assert send(ALL).scalars().all() == ["cus_2"]
