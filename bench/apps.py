"""What is measured? The service, and a floor below which no Flask service can be."""

import json
import sqlite3
import threading
from contextlib import nullcontext

import psycopg
from flask import Flask, request
from sqlalchemy.engine import make_url
from stripe import SignatureVerificationError, WebhookSignature

from billing import create_app
from config import Config, Processing

SECRET = "whsec_made_up_for_the_benchmark"  # noqa: S105 - opens nothing
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000")
TABLE = "CREATE TABLE IF NOT EXISTS floor (id TEXT PRIMARY KEY, body TEXT NOT NULL)"


def floor(database_url: str, *, in_turns: bool = False) -> Flask:
    """Verify, insert one row, commit: on the bare driver, as durable as the service.

    In turns, its threads wait for each other by a lock, as the service's do over SQLite.
    """
    app = Flask(__name__)
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        keep = _sqlite_keeper(url.database or "")
    else:
        keep = _postgresql_keeper(url.set(drivername="postgresql").render_as_string())

    turn = threading.Lock() if in_turns else nullcontext()

    @app.post("/webhooks/stripe")
    def receive() -> tuple[str, int]:
        body = request.get_data(as_text=True)
        try:
            header = request.headers.get("Stripe-Signature", "")
            WebhookSignature.verify_header(body, header, SECRET, 300)
        except SignatureVerificationError:
            return "", 400
        event_id = json.loads(body)["id"]
        with turn:
            keep(event_id, body)
        return "", 200

    return app


def service(database_url: str, processing: str, stripe_url: str) -> Flask:
    """The service. Its settings refuse workers over SQLite; here they show what recording costs."""
    return create_app(configured(database_url, processing, stripe_url))


def configured(database_url: str, processing: str, stripe_url: str) -> Config:
    """Settings like those of production, quiet."""
    return Config(
        database_url=database_url,
        stripe_secret_key="sk_test_made_up_for_the_benchmark",
        stripe_webhook_secrets=(SECRET,),
        jwt_secret="made-up-for-the-benchmark: 0123456789",
        stripe_api_base=stripe_url,
        processing=Processing(processing),
        log_level="WARNING",
    )


def _sqlite_keeper(path: str):
    held = threading.local()

    def keep(event_id: str, body: str) -> None:
        if not hasattr(held, "connection"):
            held.connection = sqlite3.connect(path, isolation_level=None)
            for pragma in PRAGMAS:
                held.connection.execute(f"PRAGMA {pragma}")
            held.connection.execute(TABLE)
        held.connection.execute(
            "INSERT INTO floor VALUES (?, ?) ON CONFLICT (id) DO NOTHING", (event_id, body)
        )

    return keep


def _postgresql_keeper(url: str):
    held = threading.local()

    def keep(event_id: str, body: str) -> None:
        if not hasattr(held, "connection"):
            held.connection = psycopg.connect(url, autocommit=True)  # one round trip, not three
        held.connection.execute(
            "INSERT INTO floor VALUES (%s, %s) ON CONFLICT (id) DO NOTHING", (event_id, body)
        )

    return keep


def make_floor_table(database_url: str) -> None:
    """Make the floor's one table."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with sqlite3.connect(url.database or "") as connection:
            connection.execute(TABLE)
    else:
        address = url.set(drivername="postgresql").render_as_string()
        with psycopg.connect(address) as postgresql:
            postgresql.execute(TABLE)
