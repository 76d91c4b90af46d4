"""One place commits; what it read cannot be overtaken; what fails leaves nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from billing import database
from billing.database import BUSY_SECONDS, db, insert_or_nothing, reading, transaction
from billing.errors import DatabaseUnavailable
from billing.models import StripeCustomer, User
from tests.support.factories import a_customer, a_user

only_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
THREADS = 8
ROUNDS = 25


def test_what_a_transaction_writes_is_there_for_others(app: Flask) -> None:
    with transaction() as session:
        session.add(User(email="a@example.com"))

    with app.app_context():
        assert emails() == ["a@example.com"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_transaction_that_fails_leaves_nothing(app: Flask, fault: type[BaseException]) -> None:
    with pytest.raises(fault):
        write_and_raise(fault)

    assert emails() == []


def test_a_transaction_does_not_nest(app: Flask) -> None:
    with transaction(), pytest.raises(RuntimeError, match="already open"), transaction():
        pass


def test_after_a_fault_the_next_transaction_begins_anew(app: Flask) -> None:
    with pytest.raises(ValueError, match="first"), transaction():
        raise ValueError("first")

    with transaction() as session:
        session.add(User(email="a@example.com"))

    assert emails() == ["a@example.com"]


def test_a_change_made_outside_is_refused_and_not_carried_in(app: Flask) -> None:
    user = a_user(email="a@example.com")
    user.email = "b@example.com"

    with pytest.raises(RuntimeError, match="outside of a transaction"), transaction():
        pass

    db.session.rollback()
    assert emails() == ["a@example.com"]


def test_a_transaction_begins_with_fresh_reads(app: Flask) -> None:
    user = a_user(email="a@example.com")
    with reading():
        assert user.email == "a@example.com"
    rename_elsewhere(app, user.id, "b@example.com")

    with transaction():
        assert db.session.get_one(User, user.id).email == "b@example.com"


def test_reading_leaves_no_transaction_open(app: Flask) -> None:
    with reading() as session:
        session.execute(sa.select(User))
        assert session.in_transaction()

    assert not session.in_transaction()


@only_postgresql
def test_reading_opens_no_transaction_at_the_server(app: Flask) -> None:
    with reading() as session:
        session.execute(sa.select(User))
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        assert driver.info.transaction_status is psycopg.pq.TransactionStatus.IDLE

    with pytest.raises(ValueError, match="late"):
        write_and_raise(lambda: ValueError("late"))
    assert emails() == []


def test_what_a_reader_changed_is_not_written(app: Flask) -> None:
    user = a_user(email="a@example.com")

    with reading() as session:
        session.add(user)
        user.email = "b@example.com"
        assert list(session.scalars(sa.select(User.email))) == ["a@example.com"]

    assert emails() == ["a@example.com"]


def test_reading_within_a_transaction_keeps_what_was_written(app: Flask) -> None:
    with transaction() as session:
        session.add(User(email="a@example.com"))
        with reading():
            session.execute(sa.select(User))

    assert emails() == ["a@example.com"]


@only_sqlite
def test_what_is_read_in_a_transaction_cannot_be_overtaken_by_threads(app: Flask) -> None:
    a_customer(id="cus_1")

    in_threads(app, read_then_write)

    assert counted() == THREADS * ROUNDS


def test_a_counting_statement_loses_nothing_to_threads(app: Flask) -> None:
    a_customer(id="cus_1")

    in_threads(app, write_in_one_statement)

    assert counted() == THREADS * ROUNDS


@only_sqlite
def test_a_writer_waits_for_its_turn(app: Flask) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            session.add(User(email="first@example.com"))
            waiting = pool.submit(add_in, app, "second@example.com")
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
        waiting.result(BUSY_SECONDS)

    assert emails() == ["first@example.com", "second@example.com"]


@only_sqlite
def test_a_writer_whose_turn_does_not_come_is_told_to_try_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)

    with transaction(), ThreadPoolExecutor(1) as pool, pytest.raises(DatabaseUnavailable):
        pool.submit(add_in, app, "second@example.com").result()

    assert emails() == []
    add_in(app, "third@example.com")
    assert emails() == ["third@example.com"]


def test_a_key_that_is_taken_inserts_nothing(app: Flask) -> None:
    with transaction() as session:
        session.execute(insert_or_nothing(StripeCustomer, {"id": "cus_1"}, key="id"))

    with transaction() as session:
        again = {"id": "cus_1", "email": "later@example.com"}
        session.execute(insert_or_nothing(StripeCustomer, again, key="id"))

    assert [row.email for row in db.session.scalars(sa.select(StripeCustomer))] == [None]


def test_a_row_that_breaks_the_schema_takes_its_transaction_with_it(app: Flask) -> None:
    with pytest.raises(IntegrityError):
        write_twice()

    assert emails() == []


def emails() -> list[str | None]:
    """The addresses of all users."""
    with reading() as session:
        return list(session.scalars(sa.select(User.email).order_by(User.email)))


def write_and_raise(fault: Callable[[], BaseException]) -> None:
    """Fail after a write."""
    with transaction() as session:
        session.execute(sa.insert(User).values(email="a@example.com"))
        raise fault()


def write_twice() -> None:
    """Write what cannot be there twice."""
    with transaction() as session:
        for _ in range(2):
            session.execute(sa.insert(User).values(email="a@example.com"))


def add_in(app: Flask, email: str) -> None:
    """Write in a context of its own."""
    with app.app_context(), transaction() as session:
        session.add(User(email=email))


def rename_elsewhere(app: Flask, user_id: UUID, email: str) -> None:
    """Change the user in another session."""
    with app.app_context(), transaction() as session:
        session.execute(sa.update(User).where(User.id == user_id).values(email=email))


def in_threads(app: Flask, step: Callable[[], None]) -> None:
    """Run the step in several threads, many times each."""

    def work(_: int) -> None:
        for _ in range(ROUNDS):
            with app.app_context():
                step()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def read_then_write() -> None:
    """Count by reading first: only a lock held from the start makes this right."""
    with transaction() as session:
        customer = session.get_one(StripeCustomer, "cus_1")
        customer.requested += 1


def write_in_one_statement() -> None:
    """Count as the service does."""
    with transaction() as session:
        session.execute(sa.update(StripeCustomer).values(requested=StripeCustomer.requested + 1))


def counted() -> int:
    """How often the customer was counted."""
    with reading() as session:
        return session.scalars(sa.select(StripeCustomer.requested)).one()
