"""A passing fault is not a verdict: what is tried again, for how long, and who waits meanwhile."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from billing import database as databases
from billing.database import db, moment, reading, transaction
from billing.emulator import Emulator
from billing.errors import BillingError, DatabaseUnavailable, StripeUnavailable
from billing.models import EventState, StripeCustomer, StripeEvent
from billing.stripe_api.events import Event
from billing.stripe_api.faults import StripeKeyRefused, StripeMissing, StripeRefused
from billing.stripe_sync import dispatch, failures, inbox, processing, refresh, sweep
from billing.stripe_sync.subjects import Kind
from tests.support.events import stripe_event
from tests.support.inbox import kept
from tests.support.requests import Client

POISON = "test.poison"


class Fault(Exception):
    """A mistake of ours."""


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A type of events whose handler fails; the ids it was asked about."""
    seen: list[str] = []

    def fail(event: Event) -> None:
        seen.append(event.id)
        raise Fault

    monkeypatch.setitem(dispatch.HANDLERS, POISON, fail)
    return seen


def receive(type_: str, number: int = 1, **object_: Any) -> str:
    """Keep an event as a worker's web process does; return its id."""
    customer = {"id": f"cus_{number}", "object": "customer", **object_}
    event = stripe_event(type_, customer)
    body = {**event, "id": f"evt_{type_}_{number}"}
    parsed = Event.parse(json.dumps(body))
    inbox.record(parsed, EventState.RECEIVED)
    return parsed.id


def attempts_of(event_id: str) -> int:
    with reading() as session:
        return session.scalars(
            sa.select(StripeEvent.attempts).where(StripeEvent.stripe_event_id == event_id)
        ).one()


def make_due() -> None:
    """Let every pause run out by the database's clock."""
    with transaction() as session:
        session.execute(sa.update(StripeEvent).values(due_at=moment(-1)))


@pytest.mark.usefixtures("emulator")
def test_a_hundred_events_that_fail_keep_no_later_one_waiting(
    app: Flask, poison: list[str]
) -> None:
    for number in range(sweep.BATCH):
        receive(POISON, number)
    good = receive("customer.updated", 1)

    sweep.sweep(untouched_seconds=0)
    sweep.sweep(untouched_seconds=0)

    state = kept(good)
    assert state is not None
    assert state[0] is not EventState.RECEIVED
    assert len(poison) == sweep.BATCH  # each was tried once and waits for its pause


def test_an_event_that_fails_is_tried_again_after_its_pause(app: Flask, poison: list[str]) -> None:
    event_id = receive(POISON)

    processing.resume(event_id)
    sweep.sweep(untouched_seconds=0)
    before = list(poison)
    make_due()
    sweep.sweep(untouched_seconds=0)

    assert (before, poison) == ([event_id], [event_id] * 2)
    assert attempts_of(event_id) == 2
    assert kept(event_id) == (EventState.RECEIVED, "unexpected Fault")


@pytest.mark.usefixtures("emulator")
def test_an_event_whose_fault_was_mended_ends_well(
    app: Flask, poison: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = receive(POISON)
    processing.resume(event_id)
    monkeypatch.setitem(dispatch.HANDLERS, POISON, lambda event: None)
    make_due()

    sweep.sweep(untouched_seconds=0)

    assert kept(event_id) == (EventState.IGNORED, None)


def test_an_event_that_failed_for_three_days_is_dead(app: Flask, poison: list[str]) -> None:
    event_id = receive(POISON)
    with transaction() as session:
        long_ago = moment(-failures.GIVE_UP_AFTER.total_seconds() - 1)
        session.execute(sa.update(StripeEvent).values(received_at=long_ago))

    processing.resume(event_id)

    assert kept(event_id) == (EventState.DEAD, "unexpected Fault")


def test_an_event_that_fails_in_the_webhook_is_answered_200_and_kept(
    client: Client, poison: list[str]
) -> None:
    event = stripe_event(POISON, {"id": "cus_1"})

    answer = client.post_event(event)

    assert answer.status_code == 200
    assert kept(event["id"]) == (EventState.RECEIVED, "unexpected Fault")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # PostgreSQL has many writers
def test_a_wait_for_sqlites_writer_neither_kills_the_event_nor_parks_the_customer(
    app: Flask, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = stripe.StripeClient("sk_test_company", base_addresses={"api": emulator.url})
    customer_id = company.v1.customers.create({}).id
    event_id = receive("customer.updated", id=customer_id)
    event = inbox.event(event_id)
    assert event is not None
    processing.note(event)
    ticket = refresh.acquire(Kind.CUSTOMER, customer_id)
    assert ticket is not None
    monkeypatch.setattr(databases, "BUSY_SECONDS", 0.4)
    engine = db.engine
    databases.take_turn(engine)  # another request writes for a long time
    threading.Timer(0.6, databases.end_turn, [engine]).start()

    refresh.attempt(ticket, refresh.Cause.EVENT)

    assert kept(event_id) == (EventState.QUEUED, None)
    with reading() as session:
        assert session.scalars(sa.select(StripeCustomer.due_at)).one() is not None


@pytest.mark.parametrize("is_last_try", [False, True], ids=["early", "after three days"])
@pytest.mark.parametrize(
    ("error", "final_early", "final_late"),
    [
        (DatabaseUnavailable("busy"), False, False),
        (sa.exc.TimeoutError(), False, False),
        (StripeUnavailable("away"), False, True),
        (StripeKeyRefused("refused"), False, True),
        (StripeMissing("gone"), True, True),
        (StripeRefused("no"), True, True),
        (dispatch.BrokenEvent("nothing in it"), True, True),
        (BillingError("something"), False, True),
        (Fault(), False, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_one_table_says_what_ends_the_attempts(
    error: Exception, final_early: bool, final_late: bool, is_last_try: bool
) -> None:
    expected = final_late if is_last_try else final_early

    assert failures.is_final(error, is_last_try=is_last_try) is expected


def test_pauses_grow_to_an_hour() -> None:
    pauses = [failures.pause_after(attempts) for attempts in (0, 1, 5, 100)]

    assert 4 <= pauses[0] <= 6
    assert 8 <= pauses[1] <= 12
    assert pauses[-1] <= timedelta(hours=1.2).total_seconds()
