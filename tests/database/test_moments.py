"""Moments are aware and UTC, in the database and by the database's clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import StatementError

from billing import clock
from billing.database import db, moment, transaction
from billing.models import Lease

NOON = datetime(2026, 11, 3, 12, 0, 0, 123456, UTC)
IN_KOLKATA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize("written", [NOON, NOON.astimezone(IN_KOLKATA)], ids=["utc", "kolkata"])
def test_a_moment_comes_back_as_it_was_in_utc(app: Flask, written: datetime) -> None:
    a_lease(until=written)

    read = db.session.scalars(sa.select(Lease.until)).one()

    assert read == NOON
    assert read.utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused(app: Flask) -> None:
    with pytest.raises(StatementError, match="time zone"):
        a_lease(until=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("seconds", [-3600, 0, 0.25, 60, 86400])
def test_the_databases_clock_counts_seconds_from_now(app: Flask, seconds: float) -> None:
    told = db.session.scalars(sa.select(moment(seconds))).one()

    assert abs(told - clock.utc_now() - timedelta(seconds=seconds)) < timedelta(seconds=2)
    assert told.utcoffset() == timedelta(0)


def test_the_databases_clock_moves_on_within_a_transaction(app: Flask) -> None:
    with transaction() as session:
        first = session.scalars(sa.select(moment())).one()
        second = session.scalars(sa.select(moment(0.002))).one()

    assert second > first


@pytest.mark.parametrize(("seconds", "is_over"), [(-0.5, True), (60, False)])
def test_a_written_moment_compares_with_the_databases_clock(
    app: Flask, seconds: float, is_over: bool
) -> None:
    a_lease(until=clock.utc_now() + timedelta(seconds=seconds))

    over = db.session.scalars(sa.select(Lease.until <= moment())).one()

    assert over is is_over


@pytest.mark.parametrize(("seconds", "is_over"), [(-0.5, True), (60, False)])
def test_a_moment_of_the_database_compares_with_one_of_ours(
    app: Flask, seconds: float, is_over: bool
) -> None:
    a_lease(until=moment(seconds))

    over = db.session.scalars(sa.select(Lease.until <= clock.utc_now())).one()

    assert over is is_over


def a_lease(**values: object) -> None:
    with transaction() as session:
        session.execute(sa.insert(Lease).values(name="one", holder="me", **values))
