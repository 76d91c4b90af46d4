"""Does a worker process take up what the web process only kept?"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from billing.database import reading
from billing.emulator import Emulator
from billing.models import EventState, StripeEvent
from billing.settings import EXTENSION
from config import Config, Processing
from tests.support.events import stripe_event
from tests.support.requests import Client

ROOT = Path(__file__).parents[2]


@pytest.fixture
def database(postgresql_database: str) -> str:
    """Workers need PostgreSQL."""
    return postgresql_database


def environment(config: Config) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": config.database_url,
        "STRIPE_SECRET_KEY": config.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": config.stripe_webhook_secrets[0],
        "STRIPE_API_BASE": config.stripe_api_base,
        "JWT_SECRET": config.jwt_secret,
        "BILLING_PROCESSING": "worker",
    }


def state() -> EventState:
    with reading() as session:
        return session.scalars(sa.select(StripeEvent.state)).one()


@pytest.mark.slow
def test_a_kept_event_is_done_by_a_worker_which_then_ends_when_told(
    app: Flask, client: Client, config: Config, emulator: Emulator
) -> None:
    app.extensions[EXTENSION] = replace(config, processing=Processing.WORKER)
    shop = stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})
    customer = shop.v1.customers.create({"email": "a@example.com"})
    client.post_event(stripe_event("customer.created", {"id": customer.id}))
    kept = state()

    worker = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "billing", "worker"],
        cwd=ROOT,
        env=environment(config),
    )
    deadline = time.monotonic() + 30
    while state() is not EventState.DONE and time.monotonic() < deadline:
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)

    assert kept is EventState.RECEIVED
    assert state() is EventState.DONE
    assert worker.wait(20) == 0
