"""Is anything lost when the process dies? Killed after every statement and commit of a webhook.

Each point has a customer of its own; one sweep in a fresh process must bring all of them home.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from flask import Flask

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.models import EventState
from billing.stripe_sync import counters, inbox, sweep
from billing.stripe_sync.subjects import Subject
from config import Config
from tests.support.factories import a_plan, a_price
from tests.support.merchant import Merchant
from tests.support.mortal import Mortal
from tests.support.projections import held, wanted
from tests.support.requests import Client
from tests.support.statements import COMMIT

LEASE = 1.0
INTERVAL = 0.2
WORK = 25.0
"""What the refreshes themselves may take together on a slow machine."""

Request = tuple[bytes, dict[str, str]]


@dataclass
class Crash:
    """One process that died: at which point, over which event."""

    point: str
    event_id: str
    subscription: str
    request: Request
    is_kept: bool
    was_answered: bool


@pytest.fixture
def config(config: Config, emulator: Emulator) -> Config:
    return replace(
        config, stripe_api_base=emulator.url, refresh_lease=LEASE, sweep_interval=INTERVAL
    )


@pytest.fixture
def merchant(app: Flask, emulator: Emulator) -> Merchant:
    merchant = Merchant(emulator)
    for plan, price_id in merchant.prices.items():
        a_price(a_plan(plan), stripe_price_id=price_id)
    return merchant


@pytest.fixture
def mortal(app: Flask, config: Config) -> Iterator[Mortal]:
    mortal = Mortal(config)
    yield mortal
    mortal.stop()


def begin(merchant: Merchant) -> str:
    return merchant.subscribe(merchant.customer())


def change(merchant: Merchant) -> str:
    subscription = known(merchant)
    merchant.move(subscription, "enterprise", quantity=2)
    return subscription


def end(merchant: Merchant) -> str:
    subscription = known(merchant)
    merchant.cancel(subscription)
    return subscription


def known(merchant: Merchant) -> str:
    """A subscription that the service has confirmed already."""
    subscription = begin(merchant)
    with transaction():
        counters.ask(Subject.customer(merchant.subscription(subscription)["customer"]))
    sweep.sweep()
    return subscription


@dataclass
class Scene:
    """The service and Stripe, and the deaths in between."""

    merchant: Merchant
    mortal: Mortal
    emulator: Emulator
    secret: str

    def crashes(self, act: Callable[[Merchant], str]) -> Iterator[Crash]:
        """Let it happen to one customer for each point of its event's way, and die there."""
        _, _, request = self._event_of(act)
        points = self.mortal.points(*request)
        for number in range(1, len(points) + 1):
            subscription, event_id, request = self._event_of(act)
            was_answered = self.mortal.die(number, *request)
            point = f"{act.__name__} {number}: {points[number - 1][:60]}"
            is_kept = any(point.startswith(COMMIT) for point in points[:number])
            yield Crash(point, event_id, subscription, request, is_kept, was_answered)

    def _event_of(self, act: Callable[[Merchant], str]) -> tuple[str, str, Request]:
        subscription = act(self.merchant)
        event = [
            event
            for event in self.merchant.news()
            if event["type"].startswith("customer.subscription.")
        ][-1]
        return subscription, event["id"], self.emulator.signed(event, self.secret)


@pytest.mark.slow
def test_no_death_loses_an_event_or_leaves_it_open(
    app: Flask,
    client: Client,
    config: Config,
    merchant: Merchant,
    mortal: Mortal,
    emulator: Emulator,
) -> None:
    scene = Scene(merchant, mortal, emulator, config.stripe_webhook_secrets[0])
    crashes = [crash for act in (begin, change, end) for crash in scene.crashes(act)]

    unkept = [crash for crash in crashes if not crash.is_kept]
    assert [crash.point for crash in crashes if crash.was_answered] == []
    assert {crash.point: state_of(crash) for crash in unkept if state_of(crash)} == {}
    heal(app, [crash for crash in crashes if crash.is_kept])
    for crash in unkept:
        body, headers = crash.request
        assert client.post("/webhooks/stripe", data=body, headers=headers).status_code == 200

    assert {crash.point for crash in crashes if state_of(crash) is not EventState.DONE} == set()
    stored = held()
    for crash in crashes:
        truth = wanted(merchant.subscription(crash.subscription))
        assert stored[crash.subscription] == truth, crash.point


def heal(app: Flask, crashes: list[Crash]) -> None:
    """Let only the sweep work, for as long as lease, pause and the refreshes may take."""
    sweeper = sweep.start(app)
    deadline = time.monotonic() + LEASE + inbox.UNTOUCHED_SECONDS + 2 * INTERVAL + WORK
    while time.monotonic() < deadline and any(
        state_of(crash) is not EventState.DONE for crash in crashes
    ):
        time.sleep(INTERVAL)
    sweeper.stop()
    sweeper.join()


def state_of(crash: Crash) -> EventState | None:
    with reading():
        return inbox.state_of(crash.event_id)
