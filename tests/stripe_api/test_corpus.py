"""Is what other people's Stripe accounts said taken in and read right? 339 files, if they are here.

They lie beside the project and are no part of it; each is a whole event or a bare object.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import responses
import sqlalchemy as sa
from flask import Flask

from billing.database import reading
from billing.models import EventState, StripeEvent, UserSubscription
from billing.settings import EXTENSION
from billing.stripe_api.snapshots import CheckoutSnapshot, ItemSnapshot, Unreadable
from billing.stripe_api.snapshots.shapes import id_of, list_of, moment_of, part_of
from billing.stripe_sync.dispatch import HANDLERS
from config import Config
from tests.stripe_api.readings import READERS
from tests.stripe_api.stand_ins import STRIPE, existing, missing
from tests.support import databases
from tests.support.events import stripe_event
from tests.support.requests import Client, signed

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
FAMILY = {"subscription_schedule": "schedule", "checkout.session": "checkout"}
EVENTS_OF = {"subscription": "customer.subscription", "dispute": "charge.dispute"}


@dataclass(frozen=True)
class Entry:
    """One file and what the index says of it."""

    file: str
    kind: str
    type: str
    api_version: str
    status: str
    period_on: str
    invoice_ref: str
    flags: frozenset[str]
    text: str

    @property
    def told(self) -> dict[str, Any]:
        """The file."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def object(self) -> dict[str, Any]:
        """Stripe's object in it."""
        return self.told["data"]["object"] or {} if self.kind == "event" else self.told

    @property
    def body(self) -> str:
        """The event as it came, or one around the bare object."""
        if self.kind == "event":
            return self.text
        event_type = f"{EVENTS_OF.get(self.type, self.type)}.updated"
        return json.dumps(stripe_event(event_type, self.told, api_version=self.api_version or None))

    def read(self) -> Any:
        """The snapshot of the object."""
        return READERS[FAMILY.get(self.type, self.type)](self.object)


@pytest.fixture(scope="module")
def corpus() -> list[Entry]:
    """Every file, by the index."""
    if not CORPUS.is_dir():
        pytest.skip("there is no folder shared/corpus beside the project")
    with (CORPUS / "index.csv").open(newline="", encoding="utf-8") as index:
        return [_entry(row) for row in csv.DictReader(index)]


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite alone: the shapes do not differ by database."""
    return databases.copy_sqlite(sqlite_template, tmp_path / "billing.db")


@pytest.fixture
def stripe_http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_every_file_is_here(corpus: list[Entry]) -> None:
    assert len(corpus) == len({entry.file for entry in corpus})
    assert len(corpus) >= 339


@pytest.mark.slow
def test_while_stripe_knows_them_all_every_file_is_taken_in_or_ignored(
    client: Client, corpus: list[Entry], stripe_http: responses.RequestsMock
) -> None:
    stripe_http.add_callback("GET", STRIPE, existing)

    found = {entry.file: outcome(client, entry) for entry in corpus}

    assert {file: one for file, one in found.items() if not is_settled(*one)} == {}
    assert sum(state is EventState.DONE for _, _, state, _ in found.values()) >= 90


@pytest.mark.slow
def test_while_stripe_knows_none_of_them_every_file_is_settled(
    client: Client, corpus: list[Entry], stripe_http: responses.RequestsMock
) -> None:
    stripe_http.add_callback("GET", STRIPE, missing)

    found = {entry.file: outcome(client, entry) for entry in corpus}

    unsettled = {EventState.RECEIVED, EventState.QUEUED}
    assert {one[0] for one in found.values()} == {200}
    assert [file for file, one in found.items() if one[2] in unsettled] == []


@pytest.mark.slow
def test_while_stripe_refuses_our_key_every_file_is_kept(
    client: Client, corpus: list[Entry], stripe_http: responses.RequestsMock
) -> None:
    stripe_http.add(responses.GET, STRIPE, status=401, json={"error": {"message": "no"}})

    found = {entry.file: outcome(client, entry) for entry in corpus}

    assert {one[0] for one in found.values()} == {200}
    assert [file for file, one in found.items() if one[2] is EventState.RECEIVED] == []
    assert sum(state is EventState.QUEUED for _, _, state, _ in found.values()) >= 90


@pytest.mark.slow
def test_every_subscription_is_stored_as_it_would_be_fetched(
    client: Client, corpus: list[Entry], stripe_http: responses.RequestsMock
) -> None:
    subscriptions = [entry for entry in corpus if entry.type == "subscription"]

    stored = {entry.file: stored_status(client, entry, stripe_http) for entry in subscriptions}

    assert stored == {entry.file: entry.object["status"] for entry in subscriptions}


def test_only_what_has_no_id_is_unreadable(corpus: list[Entry]) -> None:
    unreadable = [entry for entry in corpus if has_reader(entry) and not is_readable(entry)]

    assert [entry.file for entry in unreadable if entry.object.get("id")] == []
    assert len(unreadable) < len(corpus) / 50


def test_every_status_is_read(corpus: list[Entry]) -> None:
    told = {"subscription", "subscription_schedule", "charge", "dispute", "invoice"}
    of_status = [entry for entry in corpus if entry.type in told and is_readable(entry)]

    read = {entry.file: entry.read().status for entry in of_status if entry.status}

    assert read == {entry.file: entry.status for entry in of_status if entry.status}
    assert len(read) >= 100


def test_an_invoice_from_before_statuses_is_given_one(corpus: list[Entry]) -> None:
    old = [e for e in corpus if e.type == "invoice" and "invoice_without_status" in e.flags]

    assert old
    assert {entry.read().status for entry in old} <= {"paid", "open", "draft", "uncollectible"}


def test_every_period_is_read_from_where_it_sits(corpus: list[Entry]) -> None:
    of_period = [e for e in corpus if e.type == "subscription" and e.period_on and e.read().items]

    read = {entry.file: {item.period_end for item in entry.read().items} for entry in of_period}

    assert read == {entry.file: periods_told(entry) for entry in of_period}
    assert len(of_period) >= 38


def test_every_invoice_names_the_subscription_that_it_is_of(corpus: list[Entry]) -> None:
    invoices = [entry for entry in corpus if entry.type == "invoice"]

    read = {entry.file: entry.read().subscription_id for entry in invoices}

    assert read == {entry.file: subscription_told(entry) for entry in invoices}


def test_every_subscription_item_is_read_by_itself(corpus: list[Entry]) -> None:
    items = [entry.object for entry in corpus if entry.type == "subscription_item"]

    read = [ItemSnapshot.from_stripe(item, {}) for item in items]

    assert [item.id for item in read] == [item["id"] for item in items]
    assert all(item.price.id for item in read)


def test_no_session_of_another_mode_has_a_subscription(corpus: list[Entry]) -> None:
    sessions = [entry.object for entry in corpus if entry.type == "checkout.session"]

    read = [
        CheckoutSnapshot.from_stripe(session | {"subscription": "sub_1"}) for session in sessions
    ]

    assert {one.mode for one in read if one.subscription_id} <= {None, "subscription"}
    assert {one.mode for one in read} >= {"payment", "setup"}


def test_what_is_deleted_is_read_as_deleted(corpus: list[Entry]) -> None:
    deleted = [e for e in corpus if e.flags & {"deleted_customer", "deleted_product"}]

    assert deleted
    assert all(entry.read().deleted for entry in deleted)


def outcome(client: Client, entry: Entry) -> tuple[int, str, EventState, str | None]:
    """Post the file into an empty service of its mode: status, type, state and error."""
    databases.empty()
    body = entry.body
    event = json.loads(body)
    with_mode(client.application, live=event.get("livemode") is True)
    headers = signed(body, "whsec_made_up_for_tests_only")
    response = client.post("/webhooks/stripe", data=body, headers=headers)
    with reading() as session:
        kept = session.execute(sa.select(StripeEvent.state, StripeEvent.error)).one()
    return response.status_code, event["type"], kept.state, kept.error


def with_mode(app: Flask, *, live: bool) -> None:
    config: Config = app.extensions[EXTENSION]
    key = "sk_live_made_up_for_tests" if live else "sk_test_made_up_for_tests"
    app.extensions[EXTENSION] = replace(config, stripe_secret_key=key)


def is_settled(status: int, event_type: str, state: EventState, error: str | None) -> bool:
    """Told what is right for the type: done, or ignored, or dead for naming nobody."""
    if status != 200:
        return False
    if event_type not in HANDLERS:
        return state in {EventState.IGNORED, EventState.REFUSED}
    names_nobody = "names no" in (error or "") or "no data.object" in (error or "")
    return state in {EventState.DONE, EventState.IGNORED, EventState.REFUSED} or names_nobody


def stored_status(client: Client, entry: Entry, stripe_http: responses.RequestsMock) -> str | None:
    """Let Stripe list this subscription to whoever asks, post the file, look what is stored."""
    stripe_http.reset()
    page = {"data": [entry.object], "has_more": False}
    stripe_http.add(responses.GET, re.compile(r".*/v1/subscriptions\?"), json=page)
    stripe_http.add_callback("GET", STRIPE, existing)
    outcome(client, entry)
    with reading() as session:
        return session.scalar(sa.select(UserSubscription.status))


def has_reader(entry: Entry) -> bool:
    return FAMILY.get(entry.type, entry.type) in READERS


def is_readable(entry: Entry) -> bool:
    try:
        entry.read()
    except Unreadable:
        return False
    return True


def periods_told(entry: Entry) -> set[Any]:
    """Where the index says that they sit."""
    told = entry.object
    holders = list_of(told, "items") if entry.period_on == "items" else [told]
    return {moment_of(holder["current_period_end"]) for holder in holders}


def subscription_told(entry: Entry) -> str | None:
    """Where the index says that it is named."""
    details = part_of(part_of(entry.object, "parent"), "subscription_details")
    told = {
        "invoice.subscription": entry.object.get("subscription"),
        "parent.subscription_details": details.get("subscription"),
        "both": details.get("subscription"),
    }
    return id_of(told.get(entry.invoice_ref))


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        file=row["file"],
        kind=row["kind"],
        type=row["object_type"],
        api_version=row["api_version"],
        status=row["status"],
        period_on=row["sub_period_on"],
        invoice_ref=row["invoice_sub_ref"],
        flags=frozenset(row["flags"].split()),
        text=(CORPUS / row["file"]).read_text(encoding="utf-8"),
    )
