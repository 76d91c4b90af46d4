"""What if two things happen at once? Pinned interleavings over real HTTP on PostgreSQL.

Stripe's answers stand behind a gate, so that a test decides what happens while one is on its way.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from billing import create_app
from billing.database import db, moment, reading, transaction
from billing.emulator import Emulator
from billing.models import Change, EventState, StripeCustomer, StripeEvent, UserSubscription
from billing.stripe_sync import counters, sweep
from billing.stripe_sync.subjects import Subject
from config import Config
from tests.support import databases, serving
from tests.support.factories import a_plan, a_price
from tests.support.gate import PATIENCE, Gate, gated
from tests.support.merchant import Merchant, Resource
from tests.support.projections import held, wanted

AT_ONCE = 8


@pytest.fixture
def database(postgresql_database: str) -> str:
    """Only PostgreSQL lets two transactions write at once."""
    return postgresql_database


@pytest.fixture
def gate_and_url(emulator: Emulator) -> Iterator[tuple[Gate, str]]:
    with gated(emulator.url) as made:
        yield made


@pytest.fixture
def gate(gate_and_url: tuple[Gate, str]) -> Gate:
    return gate_and_url[0]


@pytest.fixture
def config(config: Config, gate_and_url: tuple[Gate, str]) -> Config:
    return replace(config, stripe_api_base=gate_and_url[1], stripe_timeout=PATIENCE)


@pytest.fixture
def merchant(app: Flask, emulator: Emulator) -> Merchant:
    merchant = Merchant(emulator)
    for plan, price_id in merchant.prices.items():
        a_price(a_plan(plan), stripe_price_id=price_id)
    return merchant


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


@pytest.fixture
def post(app: Flask, config: Config, emulator: Emulator) -> Iterator[Callable[[Resource], int]]:
    """Post an event to the service over HTTP; give the status of the answer."""
    with serving.served(app) as url:

        def post_event(event: Resource) -> int:
            body, headers = emulator.signed(event, config.stripe_webhook_secrets[0])
            address = f"{url}/webhooks/stripe"
            return requests.post(address, body, headers=headers, timeout=PATIENCE).status_code

        yield post_event


@pytest.fixture
def other(config: Config) -> Iterator[Flask]:
    """A second process' application, over the same database."""
    app = create_app(config)
    yield app
    databases.close(app)


def event_of(merchant: Merchant) -> Resource:
    """The newest event of a subscription."""
    told = [one for one in merchant.news() if one["type"].startswith("customer.subscription.")]
    return told[-1]


def confirmed(merchant: Merchant) -> str:
    """A subscription that the service knows and has confirmed."""
    subscription = merchant.subscribe(merchant.customer())
    ask(merchant, subscription)
    sweep.sweep()
    merchant.news()
    return subscription


def ask(merchant: Merchant, subscription: str) -> None:
    with transaction():
        counters.ask(Subject.customer(merchant.subscription(subscription)["customer"]))


def sweep_in(app: Flask) -> None:
    with app.app_context():
        sweep.sweep(untouched_seconds=0)


def let_lease_run_out() -> None:
    with transaction() as session:
        session.execute(sa.update(StripeCustomer).values(lease_until=moment(-1)))


def shown() -> tuple[str, int | None, bool]:
    with reading() as session:
        row = session.execute(
            sa.select(
                UserSubscription.status, UserSubscription.quantity, UserSubscription.confirmed
            )
        ).one()
    return row.status, row.quantity, row.confirmed


def states() -> list[EventState]:
    with reading() as session:
        return list(session.scalars(sa.select(StripeEvent.state)))


def count_of(model: Any) -> int:
    with reading() as session:
        return session.scalars(sa.select(sa.func.count()).select_from(model)).one()


def wait_for_locks(count: int) -> None:
    """Wait until so many statements wait for other transactions."""
    deadline = time.monotonic() + PATIENCE
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while time.monotonic() < deadline:
        with reading() as session:
            if session.scalar(waiting) == count:
                return
        time.sleep(0.01)
    raise AssertionError(f"never were {count} waiting")


def test_one_event_posted_at_once_by_many_is_one_row_and_one_refresh(
    merchant: Merchant,
    post: Callable[[Resource], int],
    threads: ThreadPoolExecutor,
    gate: Gate,
) -> None:
    subscription = merchant.subscribe(merchant.customer())
    event = event_of(merchant)
    opened = gate.close()

    posts = [threads.submit(post, event) for _ in range(AT_ONCE)]
    gate.wait_until_asked()
    opened.set()

    assert [one.result(PATIENCE) for one in posts] == [200] * AT_ONCE
    assert states() == [EventState.DONE]
    assert gate.fetches == 1
    assert held() == {subscription: wanted(merchant.subscription(subscription))}


def test_two_workers_sweeping_one_database_ask_stripe_once(
    app: Flask, other: Flask, merchant: Merchant, threads: ThreadPoolExecutor, gate: Gate
) -> None:
    ask(merchant, merchant.subscribe(merchant.customer()))
    opened = gate.close()

    first = threads.submit(sweep_in, app)
    gate.wait_until_asked()
    threads.submit(sweep_in, other).result(PATIENCE)
    opened.set()
    first.result(PATIENCE)

    assert gate.fetches == 1
    assert shown() == ("active", 1, True)


def test_a_worker_that_slept_through_its_lease_writes_nothing(
    app: Flask, other: Flask, merchant: Merchant, threads: ThreadPoolExecutor, gate: Gate
) -> None:
    subscription = confirmed(merchant)
    ask(merchant, subscription)
    opened = gate.close()
    zombie = threads.submit(sweep_in, app)
    gate.wait_until_asked()
    gate.leave_open()
    merchant.move(subscription, quantity=2)
    let_lease_run_out()

    sweep_in(other)
    changes = count_of(Change)
    opened.set()
    zombie.result(PATIENCE)

    assert shown() == ("active", 2, True)
    assert count_of(Change) == changes


def test_an_old_answer_on_its_way_never_hides_what_an_event_showed_meanwhile(
    app: Flask,
    merchant: Merchant,
    post: Callable[[Resource], int],
    threads: ThreadPoolExecutor,
    gate: Gate,
) -> None:
    subscription = merchant.subscribe(merchant.customer())
    first = event_of(merchant)
    opened = gate.close()
    slow: Future[int] = threads.submit(post, first)
    gate.wait_until_asked()
    merchant.move(subscription, quantity=2)
    second = event_of(merchant)

    answered = post(second)
    meanwhile = shown()
    next_opened = gate.close()
    opened.set()
    gate.wait_until_asked()
    after_the_old_answer = shown()
    next_opened.set()

    assert answered == 200
    assert meanwhile == after_the_old_answer == ("active", 2, False)
    assert slow.result(PATIENCE) == 200
    assert shown() == ("active", 2, True)
    assert states() == [EventState.DONE, EventState.DONE]


def test_an_event_noted_while_a_write_is_in_progress_waits_and_is_confirmed_by_the_next(
    app: Flask,
    merchant: Merchant,
    post: Callable[[Resource], int],
    threads: ThreadPoolExecutor,
    gate: Gate,
) -> None:
    subscription = confirmed(merchant)
    ask(merchant, subscription)
    before = gate.fetches
    with db.engine.connect() as elsewhere, elsewhere.begin():
        elsewhere.execute(sa.select(UserSubscription.id).with_for_update())
        writing = threads.submit(sweep_in, app)
        wait_for_locks(1)
        merchant.cancel(subscription)
        noting = threads.submit(post, event_of(merchant))
        wait_for_locks(2)
        in_between = states()

    writing.result(PATIENCE)
    assert noting.result(PATIENCE) == 200
    assert in_between == [EventState.RECEIVED]
    assert shown() == ("canceled", 1, True)
    assert states() == [EventState.DONE]
    assert gate.fetches - before == 2
