"""What was left behind? Looks for owed work and does it; holds no state of its own."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from flask import Flask

from billing import clock
from billing.database import insert, moment, reading, transaction
from billing.errors import DatabaseUnavailable, is_database_away
from billing.logs import Outage
from billing.models import Lease
from billing.settings import settings
from billing.stripe_sync import counters, inbox, processing, refresh
from billing.stripe_sync.healing import surplus
from billing.stripe_sync.subjects import Kind

log = logging.getLogger(__name__)

BATCH = 100
LEASE_NAME = "sweep"

DATABASE_OUTAGE = Outage(log, "database")
"""The sweep looks several times a second; the log says twice that the database was away."""


def sweep(
    *,
    untouched_seconds: float = inbox.UNTOUCHED_SECONDS,
    stopping: threading.Event | None = None,
) -> int:
    """Take up forgotten events and due refreshes; return how many were brought further.

    Asked to stop, it ends with the step it is at; the rest waits for whoever sweeps next.
    """
    taken = 0
    for step in _steps(untouched_seconds):
        if stopping is not None and stopping.is_set():
            break
        taken += _safely(step)
    return taken


def sweep_or_log(
    *,
    untouched_seconds: float = inbox.UNTOUCHED_SECONDS,
    stopping: threading.Event | None = None,
) -> int:
    """Sweep; a fault is logged, one that lasts only when it begins and ends."""
    try:
        taken = sweep(untouched_seconds=untouched_seconds, stopping=stopping)
    except Exception as error:
        _log_fault("failed", error)
        return 0
    DATABASE_OUTAGE.end()
    return taken


def _log_fault(outcome: str, error: Exception) -> None:
    if is_database_away(error) or isinstance(error, DatabaseUnavailable):
        DATABASE_OUTAGE.begin(type(error).__name__)
    else:
        log.exception("sweep outcome=%s", outcome)


def _steps(untouched_seconds: float) -> Iterator[Callable[[], object]]:
    before = clock.utc_now() - timedelta(seconds=untouched_seconds)
    with reading():
        forgotten = inbox.left_behind(BATCH, before)
    for event_id in forgotten:
        yield partial(processing.resume, event_id)
    for kind in Kind:
        for subject in counters.due(kind, BATCH):
            yield partial(refresh.run, subject)
    yield from surplus.steps()


def _safely(step: Callable[[], object]) -> bool:
    """Do one thing; a fault in it must not keep the others waiting."""
    try:
        step()
    except Exception as error:
        _log_fault(f"skipped {step}", error)
        return False
    return True


class Sweeper(threading.Thread):
    """Sweeps every few seconds, in one process of those that share the database."""

    def __init__(self, app: Flask, interval: float) -> None:
        super().__init__(name="sweep", daemon=True)
        self._app = app
        self._interval = interval
        self._stop_asked = threading.Event()
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    def run(self) -> None:
        """Sweep at once, then at every interval, until stopped. A fault never ends it."""
        while True:
            with self._app.app_context():
                self._sweep_once()
            if self._stop_asked.wait(self._interval):
                return

    def stop(self) -> None:
        """Let it end after the step it is at."""
        self._stop_asked.set()

    def _sweep_once(self) -> None:
        try:
            if not hold_lease(LEASE_NAME, self._holder, self._interval * 3):
                return
        except Exception as error:
            _log_fault("failed", error)
            return
        while sweep_or_log(stopping=self._stop_asked) >= BATCH:
            pass


def hold_lease(name: str, holder: str, seconds: float) -> bool:
    """Take or keep a lease; say whether it is ours. It saves work only: two holders do no harm."""
    row = insert(Lease).values(name=name, holder=holder, until=moment(seconds))
    with transaction() as session:
        held = session.scalar(
            row.on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": holder, "until": moment(seconds), "updated_at": clock.utc_now()},
                where=sa.or_(Lease.holder == holder, Lease.until <= moment()),
            ).returning(Lease.name)
        )
    return held is not None


def start(app: Flask) -> Sweeper:
    """Start the thread in this process, after any fork."""
    with app.app_context():
        interval = settings().sweep_interval
    thread = Sweeper(app, interval)
    thread.start()
    return thread
