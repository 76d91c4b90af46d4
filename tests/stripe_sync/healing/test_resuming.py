"""Cut off in the middle or killed, does a reconcile go on where it was?"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import clock
from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.errors import StripeUnavailable
from billing.models import ReconcileRun, UserSubscription
from billing.stripe_api.connection import PAGE
from billing.stripe_sync.healing import reconcile
from billing.stripe_sync.healing.checks import Phase
from billing.stripe_sync.healing.reconcile import Report
from config import Config
from tests.support.company import Company
from tests.support.damage import delete_row, plan_id, set_columns
from tests.support.factories import a_user
from tests.support.gate import gated
from tests.support.gunicorn import environment
from tests.support.source import ROOT


class CutOff(Exception):
    """It ended in the middle, where Stripe or a person made it."""


def cut_off_after(pages: int) -> Callable[[Phase, Report], None]:
    seen: list[Phase] = []

    def on_page(phase: Phase, report: Report) -> None:
        seen.append(phase)
        if len(seen) == pages:
            raise CutOff

    return on_page


def test_cut_off_it_goes_on_behind_what_was_compared(
    imported: list[str], emulator: Emulator
) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))
    asked = len(emulator.requests)

    report = reconcile.reconcile(fix=False)

    assert report.resumed
    lists = [request for request in emulator.requests[asked:] if request[1] == "/v1/subscriptions"]
    assert lists[0][2]["starting_after"] == imported[0]


def test_a_cursor_that_stripe_no_longer_knows_begins_the_phase_again(
    imported: list[str],
) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))
    with transaction() as session:
        session.execute(sa.update(ReconcileRun).values(cursor="sub_gone"))

    assert reconcile.reconcile(fix=False).found == []


def test_asked_to_restart_it_begins_anew(imported: list[str]) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))

    assert not reconcile.reconcile(fix=False, restart=True).resumed


def test_a_run_cut_off_long_ago_is_not_resumed(imported: list[str]) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))
    with transaction() as session:
        session.execute(
            sa.update(ReconcileRun).values(updated_at=clock.utc_now() - timedelta(days=2))
        )

    assert not reconcile.reconcile(fix=False).resumed


def test_a_run_that_fixes_does_not_go_on_where_a_dry_run_was_cut_off(
    company: Company, app: Flask
) -> None:
    sell(company, 2)
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))

    report = reconcile.reconcile(fix=True)

    assert not report.resumed
    assert confirmed_count() == 2


def test_when_stripe_fails_for_good_it_says_so_and_can_go_on(
    imported: list[str], emulator: Emulator
) -> None:
    emulator.faults.api_status = [401]

    with pytest.raises(StripeUnavailable):
        reconcile.reconcile(fix=False)

    assert reconcile.reconcile(fix=False).found == []


LEASE = 1.0


class Command:
    """`flask billing reconcile --fix` in a process of its own, behind a gate to Stripe."""

    def __init__(self, config: Config, emulator: Emulator) -> None:
        self._config = replace(config, stripe_api_base=emulator.url)

    def killed_at(self, number: int) -> None:
        """Kill it while it waits for its n-th answer about subscriptions."""
        with gated(self._config.stripe_api_base) as (gate, url):
            held = gate.close()
            process = self._start(url)
            for _ in range(number - 1):
                gate.wait_until_asked()
                passed, held = held, gate.close()
                passed.set()
            gate.wait_until_asked()
            process.kill()
            process.communicate()
            held.set()

    def completed(self) -> dict[str, Any]:
        """Run it to its end; return what it says."""
        said, _ = self._start(self._config.stripe_api_base).communicate(timeout=600)
        told: dict[str, Any] = json.loads(said)
        return told

    def _start(self, stripe: str) -> "subprocess.Popen[bytes]":
        env = environment(replace(self._config, stripe_api_base=stripe))
        reconciles = ("billing", "reconcile", "--fix", "--rate", "100", "--json")
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "flask", *reconciles],
            cwd=ROOT,
            env=env | {"REFRESH_LEASE_SECONDS": str(LEASE)},
            stdout=subprocess.PIPE,
        )


@pytest.fixture
def command(app: Flask, config: Config, emulator: Emulator) -> Command:
    return Command(config, emulator)


@pytest.mark.slow
class TestKilled:
    """kill -9 in the middle of the account."""

    @pytest.mark.parametrize(("number", "stored"), [(1, 0), (3, 1)], ids=["listing", "mending"])
    def test_on_its_first_page_it_takes_that_page_again(
        self, company: Company, command: Command, number: int, stored: int
    ) -> None:
        sell(company, 4)

        command.killed_at(number)
        assert confirmed_count() == stored
        time.sleep(LEASE)
        told = command.completed()

        assert told["left"] == []
        assert confirmed_count() == 4
        assert reconcile.reconcile(fix=False).found == []


class TestManyPages:
    """Killed half-way, in production's database."""

    @pytest.fixture
    def database(self, postgresql_database: str) -> str:
        return postgresql_database

    @pytest.mark.slow
    def test_on_its_second_page_it_does_not_take_the_first_again(
        self, company: Company, command: Command, emulator: Emulator
    ) -> None:
        sell(company, PAGE + 3)

        command.killed_at(1 + PAGE + 1 + 2)
        assert confirmed_count() == PAGE + 1
        time.sleep(LEASE)
        asked = len(emulator.requests)
        told = command.completed()

        lists = [one for one in emulator.requests[asked:] if one[1] == "/v1/subscriptions"]
        assert lists[0][2]["starting_after"] == company.subscriptions[-PAGE].id
        assert told["resumed"]
        assert confirmed_count() == PAGE + 3
        assert reconcile.reconcile(fix=False).found == []

    @pytest.mark.long
    def test_killed_it_is_imported_and_fifty_damaged_are_named_mended_and_gone(
        self, company: Company, command: Command
    ) -> None:
        sell(company, 1000)
        command.killed_at(520)
        assert 500 < confirmed_count() < 520
        time.sleep(LEASE)
        assert command.completed()["resumed"]
        assert confirmed_count() == 1000

        damaged = [(one.id, *DAMAGES[n % 10]) for n, one in enumerate(company.subscriptions[::20])]
        for subscription_id, _, damage in damaged:
            damage(subscription_id)
        told = reconcile.reconcile(fix=True)

        wanted = sorted((kind, subscription_id) for subscription_id, kind, _ in damaged)
        assert sorted((one.kind.value, one.stripe_id) for one in told.found) == wanted
        assert told.left == []
        assert reconcile.reconcile(fix=False).found == []


def sell(company: Company, count: int) -> None:
    """Subscriptions at Stripe, of customers who are users here."""
    price = company.price("pro_month")
    for _ in range(count):
        company.subscribe(company.customer(str(a_user().id)), price)


def confirmed_count() -> int:
    with reading() as session:
        count = sa.select(sa.func.count()).select_from(UserSubscription)
        return session.scalars(count.where(UserSubscription.confirmed)).one()


DAMAGES: list[tuple[str, Callable[[str], None]]] = [
    ("missing_local", delete_row),
    ("status", lambda one: set_columns(one, status="past_due")),
    ("status", lambda one: set_columns(one, status="canceled")),
    ("plan", lambda one: set_columns(one, plan_id=plan_id("enterprise"))),
    ("quantity", lambda one: set_columns(one, quantity=9)),
    (
        "period",
        lambda one: set_columns(one, current_period_end=UserSubscription.current_period_start),
    ),
    ("cancel", lambda one: set_columns(one, cancel_at_period_end=True)),
    ("details", lambda one: set_columns(one, pause_collection="void")),
    ("plan", lambda one: set_columns(one, stripe_price_id="price_other")),
    ("cancel", lambda one: set_columns(one, cancelled_at=UserSubscription.started_at)),
]
