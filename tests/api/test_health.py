"""What a probe sees."""

import contextvars
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from billing import clock, create_app
from billing.database import transaction
from billing.emulator import Emulator
from billing.models import StripeCustomer
from billing.operations.readiness import newest_revision
from billing.stripe_api import gateway
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.subjects import Subject
from tests.conftest import configured
from tests.support.factories import a_customer
from tests.support.requests import Client

AWAY = ["sqlite:////nowhere/billing.db", "postgresql+psycopg://nobody@127.0.0.1:9/billing"]


@pytest.fixture
def revise(app: Flask) -> Iterator[Callable[[str], None]]:
    """Write what the database says of its migrations; at the end the truth again."""

    def write(revision: str) -> None:
        with transaction() as session:
            session.execute(sa.text("DELETE FROM alembic_version"))
            if revision:
                row = sa.text("INSERT INTO alembic_version VALUES (:revision)")
                session.execute(row, {"revision": revision})

    yield write
    write(newest_revision())


@pytest.fixture
def asked_without() -> Callable[[str, str], TestResponse]:
    """Ask a service whose database is at that address, where none is."""

    def ask(url: str, path: str) -> TestResponse:
        client = create_app(configured(url)).test_client()
        return contextvars.Context().run(client.get, path)

    return ask


def test_a_migrated_service_is_ready(client: Client) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json) == (200, {"status": "ready"})


@pytest.mark.parametrize("revision", ["", "200001010000", "bogus"], ids=["none", "older", "bogus"])
def test_missing_migrations_answer_503_and_are_named(
    client: Client, revise: Callable[[str], None], revision: str
) -> None:
    revise(revision)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert answer.json["failing"] == "migrations"
    assert answer.headers["Retry-After"] == "5"


def test_a_database_that_a_newer_release_has_migrated_is_ready(
    client: Client, revise: Callable[[str], None]
) -> None:
    revise("999912312359")

    assert client.get("/readyz").status_code == 200


def test_a_key_that_stripe_refuses_makes_the_service_degraded_not_away(
    app: Flask, client: Client, emulator: Emulator
) -> None:
    emulator.faults.api_status = [401]
    customer = a_customer(id="cus_1")
    with transaction():
        counters.ask(Subject.customer(customer.id))
    refresh.run(Subject.customer(customer.id))
    here = client.get("/readyz")
    gateway.init_app(app)  # another process, which has not seen it itself
    elsewhere = client.get("/readyz")
    with transaction() as session:
        session.execute(sa.update(StripeCustomer).values(due_at=clock.utc_now()))

    refresh.run(Subject.customer(customer.id))

    degraded = {"status": "degraded", "failing": "stripe_key"}
    assert (here.status_code, here.json) == (200, degraded)
    assert (elsewhere.status_code, elsewhere.json) == (200, degraded)
    assert client.get("/readyz").json == {"status": "ready"}


def test_readiness_never_asks_stripe(client: Client, emulator: Emulator) -> None:
    client.get("/readyz")

    assert emulator.requests == []


@pytest.mark.parametrize("url", AWAY, ids=["sqlite", "postgresql"])
def test_a_database_that_is_away_answers_503_and_is_named(
    asked_without: Callable[[str, str], TestResponse], url: str
) -> None:
    answer = asked_without(url, "/readyz")

    assert (answer.status_code, answer.json["failing"]) == (503, "database")
    assert "billing.db" not in answer.text
    assert "nobody" not in answer.text


@pytest.mark.parametrize("url", AWAY, ids=["sqlite", "postgresql"])
def test_the_process_lives_without_its_database(
    asked_without: Callable[[str, str], TestResponse], url: str
) -> None:
    answer = asked_without(url, "/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
