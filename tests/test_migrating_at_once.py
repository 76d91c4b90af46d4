"""Several processes that start together migrate one database: one does the work, none fails."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.conftest import configured
from tests.support import postgres
from tests.support.gunicorn import environment
from tests.support.source import ROOT

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table; the SQLite file is not even there."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: Path = request.getfixturevalue("postgresql_server")
    return postgres.make_database(server, f"at_once_{tmp_path.name}")


@contextmanager
def upgrading(database: str) -> "Iterator[subprocess.Popen[str]]":
    """Run `flask db upgrade`, and leave nothing running."""
    env = environment(configured(database))
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own command
        COMMAND, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True
    ) as process:
        yield process
        process.kill()


def test_four_starting_processes_migrate_an_empty_database_once(empty_database: str) -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(upgrading(empty_database)) for _ in range(4)]

        told = [process.communicate(timeout=120)[1] for process in started]

    assert [process.returncode for process in started] == [0] * 4, told
    assert len(revisions(empty_database)) == 1


def test_one_that_must_wait_long_for_the_others_waits(postgresql_server: Path) -> None:
    database = postgres.make_database(postgresql_server, "slow_migration")
    with upgrading(database) as waiting:
        with psycopg.connect(
            host=postgresql_server, user="postgres", dbname="slow_migration"
        ) as other:
            other.execute("SELECT pg_advisory_xact_lock(7211001)")
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(14)  # longer than a statement may wait for any other lock

        told = waiting.communicate(timeout=60)[1]

    assert waiting.returncode == 0, told


def revisions(database: str) -> Sequence[str]:
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        found = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
    engine.dispose()
    return found
