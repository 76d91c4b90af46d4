"""Migrations run up and down on both databases, and end where the models are."""

import re
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from billing import create_app
from billing.database import Base, db
from tests.conftest import configured
from tests.support import databases, postgres
from tests.support.databases import MIGRATIONS

VERSIONS = sorted((MIGRATIONS / "versions").glob("*.py"))
FILE_NAME = re.compile(r"20\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])[0-5]\d_[a-z0-9_]+")


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """The service over a database without any table."""
    url = f"sqlite:///{tmp_path / 'bare.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        url = postgres.make_database(server, f"bare_{tmp_path.name}")
    app = create_app(configured(url))
    with app.app_context():
        yield app
    databases.close(app)


def test_the_newest_migration_leaves_no_difference_to_the_models(bare_app: Flask) -> None:
    flask_migrate.upgrade(str(MIGRATIONS))

    assert differences() == []


def test_every_migration_can_be_taken_back_and_made_again(bare_app: Flask) -> None:
    flask_migrate.upgrade(str(MIGRATIONS))
    made = tables()

    for _ in VERSIONS:
        flask_migrate.downgrade(str(MIGRATIONS))
    left = tables()
    flask_migrate.upgrade(str(MIGRATIONS))

    assert left == {"alembic_version"}
    assert tables() == made
    assert differences() == []


def test_migrating_twice_changes_nothing(bare_app: Flask) -> None:
    flask_migrate.upgrade(str(MIGRATIONS))

    flask_migrate.upgrade(str(MIGRATIONS))

    assert differences() == []


def test_a_column_that_no_migration_makes_is_noticed(bare_app: Flask) -> None:
    flask_migrate.upgrade(str(MIGRATIONS))
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE users DROP COLUMN password_hash"))

    assert [kind for kind, *_ in differences()] == ["add_column"]


def test_migrations_follow_one_another_in_one_line() -> None:
    history = ScriptDirectory(str(MIGRATIONS))

    assert len(history.get_heads()) == 1
    assert len(list(history.walk_revisions())) == len(VERSIONS)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_is_named_by_its_moment_and_purpose(path: Path) -> None:
    assert FILE_NAME.fullmatch(path.stem)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_outlives_the_code(path: Path) -> None:
    assert not re.search(r"^\s*(from|import) (billing|config)\b", path.read_text(), re.MULTILINE)


def differences() -> list[tuple[object, ...]]:
    """What alembic would still have to do to reach the models."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def tables() -> set[str]:
    """The names of the tables there are."""
    return set(sa.inspect(db.engine).get_table_names())
