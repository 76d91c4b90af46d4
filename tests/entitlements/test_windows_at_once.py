"""Two processes that open different windows of one user at the same time."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.database import reading, transaction
from billing.entitlements import opening, standing_of
from billing.entitlements.place import Place
from billing.entitlements.windows import Window
from billing.models import User, UserUsage
from tests.support.factories import a_plan, a_user

PATIENCE = 20.0


@pytest.fixture
def database(postgresql_database: str) -> str:
    """Only PostgreSQL lets two transactions write at once."""
    return postgresql_database


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free", max_jobs_per_month=10)
    return a_user()


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Another process, so to speak: a thread with a connection of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_the_second_waits_and_takes_over_what_the_first_window_counted(
    app: Flask, user: User, beside: ThreadPoolExecutor
) -> None:
    of_old_plan = Place.of(standing_of(user.id))
    start = of_old_plan.moment.replace(microsecond=0) - timedelta(hours=1)
    of_new_plan = replace(of_old_plan, window=Window(start, start + timedelta(days=30)))

    with transaction() as session:  # an earlier window is over; its day and storage rows are there
        opening.prepare(of_old_plan)
        session.execute(sa.delete(UserUsage))

    def open_other() -> None:
        with app.app_context(), transaction():
            opening.prepare(of_new_plan)

    with transaction() as session:
        opening.prepare(of_old_plan)
        session.execute(sa.update(UserUsage).values(jobs_created=4))
        other = beside.submit(open_other)
        wait_until_blocked_or_done(other)
    other.result(PATIENCE)

    assert windows_in_progress(of_old_plan) == [(start, 4)]


def wait_until_blocked_or_done(other: Future[None]) -> None:
    """Wait until the other transaction waits for a lock, or has ended without waiting."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + PATIENCE
    while not other.done():
        with reading() as session:
            if session.scalar(waiting):
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def windows_in_progress(place: Place) -> list[tuple[object, int]]:
    """Return the start and the jobs of every window of the user that counts now."""
    with reading() as session:
        rows = session.execute(
            sa.select(UserUsage.period_start, UserUsage.jobs_created).where(
                UserUsage.user_id == place.user_id, place.is_in_progress
            )
        )
        return [tuple(row) for row in rows]
