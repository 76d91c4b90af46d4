"""Does the service run in real processes: forked, told to stop, refused where it cannot be?"""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from billing import clock
from billing.database import db, reading
from billing.emulator import Emulator
from billing.models import EventState, StripeEvent, StripeEventPayload, UserSubscription
from config import Config
from tests.support.company import Company
from tests.support.events import stripe_event
from tests.support.factories import a_user, auth, saved
from tests.support.gunicorn import Gunicorn, running
from tests.support.requests import signed
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PROCESSES = [("--workers", "2"), ("--workers", "2", "--preload")]
NAMES = ["each loads", "preloaded"]


class TestTwoWorkers:
    """Two processes on PostgreSQL."""

    @pytest.fixture
    def database(self, postgresql_database: str) -> str:
        """Several processes need PostgreSQL."""
        return postgresql_database

    @pytest.fixture(params=PROCESSES, ids=NAMES)
    def gunicorn(
        self, request: pytest.FixtureRequest, config: Config, redis_url: str, tmp_path: Path
    ) -> Iterator[Gunicorn]:
        told = replace(config, redis_url=redis_url)
        limits = {"RATE_LIMIT": "100000/minute", "POLL_LIMIT": "100000/minute"}
        with running(told, tmp_path / "log", *request.param, **limits) as server:
            server.wait_until_ready()
            yield server

    def test_webhooks_and_polls_at_once_all_come_out_right(
        self, shop: None, config: Config, emulator: Emulator, gunicorn: Gunicorn
    ) -> None:
        eventually(lambda: len(at_work(gunicorn)) == 2)
        company = Company(emulator)
        users = [a_user() for _ in range(6)]
        emulator.add_webhook(f"{gunicorn.url}/webhooks/stripe", config.stripe_webhook_secrets[0])
        over = threading.Event()
        answers: list[int] = []

        def poll(headers: dict[str, str]) -> None:
            while not over.is_set():
                url = f"{gunicorn.url}/v1/subscription/me"
                answers.append(requests.get(url, headers=headers, timeout=20).status_code)
                time.sleep(0.02)

        with ThreadPoolExecutor(len(users)) as pool:
            polls = [pool.submit(poll, auth(user.id)) for user in users]
            for user in users:
                customer = company.customer(str(user.id))
                company.subscribe(customer, company.price("pro_month"))
            assert emulator.wait_idle(60)
            over.set()
        for one in polls:
            one.result()

        eventually(lambda: confirmed() == len(users))
        assert set(answers) == {200}
        assert len(answers) > 50
        assert "level=error" not in gunicorn.said()

    @pytest.mark.usefixtures("app")
    def test_a_worker_sweeps_up_what_was_left_behind(
        self, emulator: Emulator, gunicorn: Gunicorn
    ) -> None:
        customer = Company(emulator).customer()
        event = stripe_event("customer.created", {"id": customer})
        received = clock.utc_now() - timedelta(minutes=1)
        kept = {"stripe_event_id": event["id"], "received_at": received}
        saved(StripeEvent(type=event["type"], state=EventState.RECEIVED, **kept))
        saved(StripeEventPayload(body=json.dumps(event), **kept))

        eventually(lambda: state_of(event["id"]) is EventState.DONE)

    @pytest.mark.usefixtures("app", "emulator")
    def test_a_worker_that_dies_is_replaced_by_one_that_serves(self, gunicorn: Gunicorn) -> None:
        eventually(lambda: len(at_work(gunicorn)) == 2)
        begun = at_work(gunicorn)

        os.kill(min(begun), signal.SIGKILL)

        eventually(lambda: len(at_work(gunicorn) - begun) == 1)
        gunicorn.wait_until_ready()


class TestTheEnd:
    """SIGTERM, on both databases."""

    def test_what_was_asked_is_answered_and_the_sweep_ends(
        self, app: Flask, config: Config, emulator: Emulator, tmp_path: Path
    ) -> None:
        customer = Company(emulator).customer()
        event = json.dumps(stripe_event("customer.updated", {"id": customer}))
        with running(config, tmp_path / "log", "--workers", "1") as server:
            server.wait_until_ready()
            emulator.faults.api_delay = 1.0
            with ThreadPoolExecutor(1) as pool:
                asked = pool.submit(
                    requests.post,
                    f"{server.url}/webhooks/stripe",
                    data=event,
                    headers=signed(event, config.stripe_webhook_secrets[0]),
                    timeout=30,
                )
                time.sleep(0.5)

                exit_code = server.end()

            assert exit_code == 0
            assert asked.result().status_code == 200
            assert "serving=ended" in server.said()


class TestWhatCannotBeRight:
    """Several processes over what only one may use, whatever the environment says."""

    @pytest.mark.parametrize("options", PROCESSES, ids=NAMES)
    def test_two_workers_are_refused_by_name(
        self, config: Config, tmp_path: Path, options: tuple[str, ...]
    ) -> None:
        wanted = "With SQLite" if config.uses_sqlite else "Without REDIS_URL"
        with running(config, tmp_path / "log", *options) as server:
            exit_code = server.process.wait(60)

            assert exit_code == 3
            assert "Another process serves" in server.said()
            assert wanted in server.said()

    def test_a_second_service_is_refused_and_the_first_goes_on(
        self, config: Config, tmp_path: Path
    ) -> None:
        with running(config, tmp_path / "first") as first:
            first.wait_until_ready()
            with running(config, tmp_path / "second") as second:
                assert second.process.wait(60) == 3
                assert "Another process serves" in second.said()

            first.wait_until_ready()

    @pytest.mark.usefixtures("app")
    def test_a_service_that_was_killed_can_be_started_again_at_once(
        self, config: Config, tmp_path: Path
    ) -> None:
        with running(config, tmp_path / "first") as first:
            first.wait_until_ready()

        with running(config, tmp_path / "second") as second:
            second.wait_until_ready()

    @pytest.mark.usefixtures("app")
    def test_a_reload_waits_for_the_process_that_ends(self, config: Config, tmp_path: Path) -> None:
        with running(config, tmp_path / "log") as server:
            server.wait_until_ready()

            server.process.send_signal(signal.SIGHUP)

            eventually(lambda: server.said().count("serving=begun") == 2)
            server.wait_until_ready()
            assert server.end() == 0


def at_work(gunicorn: Gunicorn) -> set[int]:
    """The processes that began to serve and did not end of themselves, as the log tells."""
    begun, ended = (
        {int(pid) for pid in re.findall(rf"serving={word} pid=(\d+)", gunicorn.said())}
        for word in ("begun", "ended")
    )
    return begun - ended


def confirmed() -> int:
    with reading() as session:
        count = sa.select(sa.func.count()).select_from(UserSubscription)
        return session.scalars(count.where(UserSubscription.confirmed)).one()


def state_of(event_id: str) -> EventState | None:
    db.session.expire_all()
    with reading() as session:
        return session.scalar(
            sa.select(StripeEvent.state).where(StripeEvent.stripe_event_id == event_id)
        )
