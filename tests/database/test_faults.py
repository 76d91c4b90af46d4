"""A database that is locked or away is a 503 with Retry-After, and nothing is half kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import make_url

from billing import create_app
from billing.database import db
from billing.models import StripeEvent
from tests.conftest import configured
from tests.support.events import stripe_event
from tests.support.requests import Client

SHORT_PATIENCE = {
    "sqlite": "PRAGMA busy_timeout = 200",
    "postgresql": "SET lock_timeout = '200ms'",
}
EVENT = stripe_event("invoiceitem.created", {"id": "ii_1", "object": "invoiceitem"})


@pytest.fixture
def _impatient(app: Flask) -> None:
    """Wait for a lock a fifth of a second instead of many."""
    shorten_patience()


@pytest.mark.usefixtures("_impatient")
def test_an_event_at_a_locked_database_is_asked_for_again(client: Client, database: str) -> None:
    with locked(database):
        response = client.post_event(EVENT)

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.get_json()["code"] == "database_unavailable"


@pytest.mark.usefixtures("_impatient")
def test_an_event_refused_by_a_lock_is_kept_when_it_comes_again(
    client: Client, database: str
) -> None:
    with locked(database):
        client.post_event(EVENT)

    response = client.post_event(EVENT)

    assert response.status_code == 200
    assert db.session.scalars(sa.select(StripeEvent.stripe_event_id)).all() == [EVENT["id"]]


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all.db", "postgresql+psycopg://me@/billing?host=/nowhere/at/all"],
    ids=["sqlite", "postgresql"],
)
def test_an_event_while_the_database_is_away_is_asked_for_again(url: str) -> None:
    app = create_app(configured(url))
    app.test_client_class = Client
    client = app.test_client()
    assert isinstance(client, Client)

    with app.app_context():
        response = client.post_event(EVENT)

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "nowhere" not in response.get_data(as_text=True)


def test_a_lock_is_waited_for_some_seconds_and_not_for_ever(app: Flask) -> None:
    asked = {"sqlite": "PRAGMA busy_timeout", "postgresql": "SHOW lock_timeout"}

    told = db.session.execute(sa.text(asked[db.engine.dialect.name])).scalar_one()

    assert told in {10_000, "5s"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)],
)
def test_sqlite_is_told_to_lose_nothing(app: Flask, pragma: str, value: object) -> None:
    assert db.session.execute(sa.text(f"PRAGMA {pragma}")).scalar_one() == value


def shorten_patience() -> None:
    """Wait for a lock a fifth of a second from now on."""
    statement = SHORT_PATIENCE[db.engine.dialect.name]

    @sa.event.listens_for(db.engine, "checkout")
    def shorten(connection: sqlite3.Connection, *_: object) -> None:
        connection.cursor().execute(statement)
        connection.commit()  # a connection is lent with no transaction open


@contextmanager
def locked(url: str, table: str = "stripe_events") -> Iterator[None]:
    """Hold the lock that a write to the table needs, from another connection."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(Path(address.database or ""))) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
    else:
        target = address.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(target) as other:
            other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
