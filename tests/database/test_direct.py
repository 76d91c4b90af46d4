"""The direct path commits, fails and waits as a session's transaction does."""

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from billing import create_app
from billing.database import db, dialect_name, direct, moment, reading, transaction
from billing.errors import DatabaseUnavailable, fact_of
from billing.models import EventState, StripeCustomer, StripeEvent
from tests.conftest import configured
from tests.database.test_faults import locked, shorten_patience
from tests.database.test_transaction import ROUNDS, THREADS, in_threads
from tests.support.factories import a_customer
from tests.support.statements import watch

only_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
CUSTOMERS = cast(sa.Table, StripeCustomer.__table__)
EVENTS = cast(sa.Table, StripeEvent.__table__)
INSERT = sa.insert(CUSTOMERS).values(id=sa.bindparam("id")).returning(CUSTOMERS.c.id)
COUNT = (
    sa.update(CUSTOMERS)
    .where(CUSTOMERS.c.id == sa.bindparam("whose"))
    .values(requested=CUSTOMERS.c.requested + 1)
    .returning(CUSTOMERS.c.requested)
)
LEASED = (
    sa.update(CUSTOMERS).values(lease_until=moment(60)).where(CUSTOMERS.c.id == sa.bindparam("one"))
)
TERMINATE = sa.text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
NOON = datetime(2026, 11, 3, 12, 0, 0, 123456, UTC)
KEPT = {
    "stripe_event_id": "evt_1",
    "type": "customer.updated",
    "received_at": NOON,
    "state": EventState.RECEIVED,
}

Act = Callable[[], object]


def run_in_a_transaction(statement: sa.Executable, values: dict[str, Any]) -> direct.Row | None:
    """Run one statement in a transaction."""
    with direct.transaction() as run:
        return run(statement, values)


def a_transaction() -> None:
    """Write in a session."""
    with transaction() as session:
        session.execute(sa.insert(StripeCustomer).values(id="cus_2"))


def a_direct_transaction() -> None:
    """Write without one."""
    run_in_a_transaction(INSERT, {"id": "cus_2"})


def a_statement_alone() -> None:
    """Write in one statement."""
    direct.run_alone(INSERT, {"id": "cus_2"})


ways = pytest.mark.parametrize("run", [run_in_a_transaction, direct.run_alone])
acts = pytest.mark.parametrize("act", [a_transaction, a_direct_transaction, a_statement_alone])


@ways
def test_what_is_written_directly_is_there_for_others(app: Flask, run: direct.Run) -> None:
    run(INSERT, {"id": "cus_1"})

    with app.app_context():
        assert ids() == ["cus_1"]


@ways
def test_a_direct_statement_gives_its_first_row_or_none(app: Flask, run: direct.Run) -> None:
    a_customer(id="cus_1")

    assert run(COUNT, {"whose": "cus_1"}) == (1,)
    assert run(COUNT, {"whose": "cus_1"}) == (2,)
    assert run(COUNT, {"whose": "cus_none"}) is None
    assert run(LEASED, {"one": "cus_1"}) is None


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_direct_transaction_that_fails_leaves_nothing(
    app: Flask, fault: type[BaseException]
) -> None:
    with pytest.raises(fault):
        write_and_raise_directly(fault)

    assert ids() == []
    a_direct_transaction()
    assert ids() == ["cus_2"]


@acts
def test_nothing_is_opened_within_a_direct_transaction(app: Flask, act: Act) -> None:
    with direct.transaction(), pytest.raises(RuntimeError, match="already open"):
        act()


@acts
def test_nothing_is_opened_within_a_transaction(app: Flask, act: Act) -> None:
    with transaction(), pytest.raises(RuntimeError, match="already open"):
        act()


@ways
def test_a_session_reads_afresh_what_was_written_directly(app: Flask, run: direct.Run) -> None:
    customer = a_customer(id="cus_1")
    assert customer.requested == 0

    run(COUNT, {"whose": "cus_1"})

    with reading():
        assert customer.requested == 1


@ways
def test_a_broken_rule_of_the_schema_is_told_as_sqlalchemy_tells_it(
    app: Flask, run: direct.Run
) -> None:
    run(INSERT, {"id": "cus_1"})

    with pytest.raises(IntegrityError):
        run(INSERT, {"id": "cus_1"})

    assert run(INSERT, {"id": "cus_2"}) == ("cus_2",)


def test_a_broken_rule_takes_its_direct_transaction_with_it(app: Flask) -> None:
    with pytest.raises(IntegrityError):
        write_twice_directly()

    assert ids() == []


@pytest.mark.parametrize("twice", [False, True], ids=["after success", "after a fault"])
def test_what_committed_itself_leaves_a_connection_that_does_not(app: Flask, twice: bool) -> None:
    direct.run_alone(INSERT, {"id": "cus_1"})
    if twice:
        with pytest.raises(IntegrityError):
            direct.run_alone(INSERT, {"id": "cus_1"})

    with pytest.raises(ValueError, match="late"):
        write_and_raise()

    assert ids() == ["cus_1"]


@only_postgresql
def test_a_transaction_left_open_swallows_nothing_of_the_next_one(app: Flask) -> None:
    direct.run_alone(sa.text("BEGIN"), {})
    direct.run_alone(INSERT, {"id": "cus_1"})

    with pytest.raises(ValueError, match="late"):
        write_and_raise()

    assert ids() == ["cus_1"]


@ways
def test_a_lock_is_told_as_an_unavailable_database(
    app: Flask, database: str, run: direct.Run
) -> None:
    a_customer(id="cus_1")
    shorten_patience()

    with locked(database, "stripe_customers"), pytest.raises(OperationalError) as fault:
        run(COUNT, {"whose": "cus_1"})

    assert isinstance(fact_of(fault.value), DatabaseUnavailable)
    assert run(COUNT, {"whose": "cus_1"}) == (1,)


@ways
@only_postgresql
def test_a_lost_connection_fails_once_and_takes_those_of_its_age_along(
    app: Flask, run: direct.Run
) -> None:
    a_customer(id="cus_1")
    in_threads(app, lambda: run(COUNT, {"whose": "cus_1"}))  # several connections lie in the pool
    with db.engine.connect() as other:
        other.execute(TERMINATE)

        with pytest.raises(DBAPIError) as fault:
            run(COUNT, {"whose": "cus_1"})

    assert fault.value.connection_invalidated
    assert isinstance(fact_of(fault.value), DatabaseUnavailable)
    for number in range(db.engine.pool.checkedin() + 1):
        assert run(COUNT, {"whose": "cus_1"}) == (THREADS * ROUNDS + number + 1,)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all.db", "postgresql+psycopg://me@/billing?host=/nowhere/at/all"],
    ids=["sqlite", "postgresql"],
)
@ways
def test_a_database_that_is_away_is_told_as_such(url: str, run: direct.Run) -> None:
    with create_app(configured(url)).app_context(), pytest.raises(OperationalError) as fault:
        run(COUNT, {"whose": "cus_1"})

    assert isinstance(fact_of(fault.value), DatabaseUnavailable)


def test_counting_directly_loses_nothing_to_threads(app: Flask) -> None:
    a_customer(id="cus_1")

    in_threads(app, lambda: run_in_a_transaction(COUNT, {"whose": "cus_1"}))

    assert run_in_a_transaction(COUNT, {"whose": "cus_1"}) == (THREADS * ROUNDS + 1,)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_process_killed_within_leaves_all_or_nothing(app: Flask, last: int) -> None:
    first = 0 if dialect_name() == "postgresql" else 1  # BEGIN is a statement of its own
    db.engine.dispose()

    child = os.fork()
    if child == 0:
        die_at_point(last + first)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert ids() == (["cus_1", "cus_2"] if last == 3 else [])


def test_columns_are_written_as_a_session_writes_them(app: Flask) -> None:
    with transaction() as session:
        session.execute(sa.insert(StripeEvent).values(KEPT | {"stripe_event_id": "evt_0"}))
    names = list(KEPT)
    direct.run_alone(sa.insert(EVENTS).values({name: sa.bindparam(name) for name in names}), KEPT)

    by_session, directly = raw_rows()

    assert directly == by_session


def test_a_moment_of_the_database_is_written_directly(app: Flask) -> None:
    customer = a_customer(id="cus_1")

    direct.run_alone(LEASED, {"one": "cus_1"})

    with reading() as session:
        session.refresh(customer)
        is_ahead = StripeCustomer.lease_until.between(moment(50), moment(60))
        assert session.scalar(sa.select(is_ahead)) == 1


def test_a_statement_whose_text_changes_is_refused(app: Flask) -> None:
    some = sa.delete(CUSTOMERS).where(CUSTOMERS.c.id.in_(sa.bindparam("ids", expanding=True)))

    with pytest.raises(ValueError, match="never changes"):
        direct.run_alone(some, {"ids": ["cus_1"]})


def write_and_raise() -> None:
    """Fail after a write in a session."""
    with transaction() as session:
        session.execute(sa.insert(StripeCustomer).values(id="cus_late"))
        raise ValueError("late")


def write_and_raise_directly(fault: type[BaseException]) -> None:
    """Fail after a write."""
    with direct.transaction() as run:
        run(INSERT, {"id": "cus_1"})
        raise fault


def write_twice_directly() -> None:
    """Write what cannot be there twice."""
    with direct.transaction() as run:
        run(INSERT, {"id": "cus_1"})
        run(INSERT, {"id": "cus_1"})


def ids() -> list[str]:
    """The customers that are here."""
    with reading() as session:
        return list(session.scalars(sa.select(StripeCustomer.id).order_by(StripeCustomer.id)))


def raw_rows() -> list[tuple[object, ...]]:
    """The events as the driver sees them, without what differs."""
    columns = ", ".join(
        column.name
        for column in EVENTS.columns
        if column.name not in {"stripe_event_id", "created_at", "updated_at"}
    )
    text = f"SELECT {columns} FROM stripe_events ORDER BY stripe_event_id"  # noqa: S608 - our names
    with reading() as session:
        return [tuple(row) for row in session.execute(sa.text(text))]


def die_at_point(last: int) -> None:
    """Write two rows, and be killed after that many statements and commits."""
    passed: list[str] = []

    def pass_on(point: str) -> None:
        passed.append(point)
        if len(passed) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        direct.run_alone(COUNT, {"whose": "nobody"})  # connects
        watch(db.engine.dialect, pass_on)
        with direct.transaction() as run:
            run(INSERT, {"id": "cus_1"})
            run(INSERT, {"id": "cus_2"})
    finally:
        os._exit(1)
