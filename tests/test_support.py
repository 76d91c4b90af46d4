"""The ground the tests stand on holds."""

import os
import socket

import pytest
import redis as redis_client
import sqlalchemy as sa
from flask import Flask

from billing.database import db, dialect_name, reading
from billing.emulator import Emulator
from billing.models import StripeEvent, User
from billing.stripe_api.gateway import gateway
from config import Config
from tests.support.events import stripe_event
from tests.support.factories import a_plan, a_price, a_subscription, a_user, auth
from tests.support.requests import Client


def test_a_connection_that_leaves_the_machine_is_refused() -> None:
    with socket.socket() as probe, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        probe.connect(("192.0.2.1", 443))


def test_no_setting_of_the_shell_reaches_a_test() -> None:
    assert {name for name in os.environ if name.startswith(("STRIPE_", "PG", "DATABASE"))} == set()


def test_a_reader_that_writes_fails(app: Flask) -> None:
    with pytest.raises(AssertionError, match="written while reading"), reading() as session:
        session.execute(sa.insert(User).values(email="a@example.com"))


def test_each_database_begins_empty(app: Flask) -> None:
    assert db.session.scalars(sa.select(User)).all() == []

    a_user(email="left@example.com")


def test_each_database_begins_empty_after_a_test_that_left_rows(app: Flask) -> None:
    assert db.session.scalars(sa.select(User)).all() == []

    a_user(email="left@example.com")


def test_the_parameter_names_the_database_in_use(
    app: Flask, request: pytest.FixtureRequest
) -> None:
    assert f"[{dialect_name()}]" in request.node.name


def test_rows_of_the_factories_satisfy_the_schema(app: Flask) -> None:
    user = a_user()
    plan = a_plan("pro")
    a_price(plan)

    subscription = a_subscription(user, plan)

    db.session.expire_all()
    assert user.stripe_customer_id == subscription.stripe_customer_id
    assert a_plan("pro").id == plan.id


def test_a_signed_event_is_taken_in(client: Client) -> None:
    event = stripe_event("invoiceitem.created", {"id": "ii_1", "object": "invoiceitem"})

    response = client.post_event(event)

    assert response.status_code == 200
    assert db.session.get_one(StripeEvent, event["id"]).state == "ignored"


def test_the_emulator_and_the_service_speak_to_each_other(
    service: str, emulator: Emulator, config: Config
) -> None:
    customer = gateway().create_customer(
        user_id="u1", email="a@example.com", idempotency_key="customer"
    )

    assert emulator.wait_idle()
    event = db.session.scalars(
        sa.select(StripeEvent).where(StripeEvent.type == "customer.created")
    ).one()
    assert (event.subject, event.state) == (customer.id, "done")


def test_redis_answers(redis_url: str) -> None:
    with redis_client.Redis.from_url(redis_url) as connection:
        assert connection.ping()


def test_the_header_of_a_user_is_accepted(client: Client) -> None:
    user = a_user()

    response = client.get("/v1/auth/me", headers=auth(user.id))

    assert response.status_code == 200
    assert response.get_json()["email"] == user.email
