"""Is every log line one line of key=value, and free of what nobody may read there?"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from billing import logs
from billing.database import db
from billing.emulator import Emulator
from config import Config
from tests.support.events import stripe_event
from tests.support.live import PASSWORD, Person
from tests.support.requests import Client, signed

EMAIL = "a.private.person@example.com"
CARD = "4242424242424242"
BODY = "a text that stands in a body alone"


@pytest.fixture
def formatter() -> logs.OneLine:
    return logs.OneLine()


def a_record(
    message: str, *values: object, fault: BaseException | None = None
) -> logging.LogRecord:
    told = (type(fault), fault, None) if fault else None
    return logging.LogRecord("billing.somewhere", logging.INFO, "", 1, message, values, told)


def test_a_line_is_made_of_pairs(formatter: logs.OneLine) -> None:
    line = formatter.format(a_record("event=%s outcome=%s", "evt_1", "done"))

    at, *pairs = line.split(" ")
    assert at.startswith("at=20")
    assert pairs == [
        "level=info",
        "log=billing.somewhere",
        "request_id=-",
        "event=evt_1",
        "outcome=done",
    ]


def test_a_sentence_becomes_one_value(formatter: logs.OneLine) -> None:
    assert formatter.format(a_record("two words")).endswith('message="two words"')


def test_a_traceback_is_folded_into_its_line(formatter: logs.OneLine) -> None:
    line = formatter.format(a_record("sweep outcome=failed", fault=ValueError("first\nsecond")))

    assert "\n" not in line
    assert "ValueError" in line


def test_a_line_names_the_request(app: Flask, formatter: logs.OneLine) -> None:
    lines: list[str] = []

    def view() -> str:
        lines.append(formatter.format(a_record("x")))
        return ""

    app.add_url_rule("/told", view_func=view)

    app.test_client().get("/told", headers={"X-Request-Id": "request-12345678"})

    assert "request_id=request-12345678" in lines[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key=sk_live_51abcDEF", "key=[key]"),
        ("key=rk_test_51abcDEF", "key=[key]"),
        ("secret=whsec_abc/def+1=", "secret=[secret]"),
        ("token=eyJhbGciOi.eyJzdWIi.c2ln", "token=[token]"),
        ("to=someone.else@mail.example.com", "to=[email]"),
        ("redis://me:hunter2@db:6379/0", "redis://[login]@db:6379/0"),
        ("rediss://:p@ss/w@db/0 lost", "rediss://[login]@db/0 lost"),
        ("card=4242 4242 4242 4242", "card=[card]"),
        ("id=6f9619ff-8b86-4011-8123-012345678901", "id=6f9619ff-8b86-4011-8123-012345678901"),
        ("created=1795399200 event=evt_1TnZ", "created=1795399200 event=evt_1TnZ"),
    ],
)
def test_what_nobody_may_read_is_replaced(text: str, shown: str) -> None:
    assert logs.without_secrets(text) == shown


def test_nothing_private_is_logged_in_a_whole_life(
    shop: None,
    config: Config,
    client: Client,
    service: str,
    emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The lines are looked at before the last guard, which would hide what they say."""
    caplog.set_level(logging.DEBUG, "billing")
    person = Person(service, EMAIL)
    person.register()
    person.buy("pro", card=CARD)
    assert emulator.wait_idle()
    person.sees(plan="pro", confirmed=True)

    for path, password in (("login", "wrong"), ("register", PASSWORD)):
        send(f"{service}/v1/auth/{path}", json.dumps({"email": EMAIL, "password": password}))
    customer = {"id": "cus_1", "email": EMAIL}
    hook, secret = f"{service}/webhooks/stripe", config.stripe_webhook_secrets[0]
    told = {"request": {"id": BODY}}  # near the end, which a shortened value would still show
    first, second = (
        json.dumps(stripe_event("customer.updated", customer, **told)) for _ in range(2)
    )
    send(hook, first, signed(first, "whsec_of_somebody_else"))
    send(hook, first, signed(first, secret))
    with without_payloads():
        send(hook, second, signed(second, secret))
    emulator.faults.api_status = [401]
    other = Person(service, f"also.{EMAIL}")
    other.register()
    other.session.post(f"{service}/v1/subscription/checkout", json={"plan": "pro"}, timeout=9)

    text = caplog.text
    private = [EMAIL, CARD, BODY, PASSWORD, secret, config.stripe_secret_key, config.jwt_secret]
    token = str(person.session.headers["Authorization"]).removeprefix("Bearer ")
    assert [word for word in [*private, token] if word in text] == []
    assert re.search("unexpected fault|database away", text)
    assert "stripe_key=refused" in text


def send(url: str, body: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
    """Post JSON; what is answered does not matter."""
    requests.post(url, body, headers={"Content-Type": "application/json", **headers}, timeout=9)


@contextmanager
def without_payloads() -> Iterator[None]:
    """Hide the table of bodies, so that a statement that holds one fails."""
    rename = "ALTER TABLE {} RENAME TO {}"
    names = ("stripe_event_payloads", "hidden_payloads")
    run(rename.format(*names))
    try:
        yield
    finally:
        run(rename.format(*reversed(names)))


def run(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(sa.text(statement))
