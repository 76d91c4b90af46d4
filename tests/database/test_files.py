"""The files of a SQLite database are for their owner alone."""

import stat
from pathlib import Path

from billing import create_app
from billing.database import db
from tests.conftest import configured
from tests.support import databases


def test_a_new_database_and_its_journal_are_for_the_owner_alone(tmp_path: Path) -> None:
    app = create_app(configured(f"sqlite:///{tmp_path / 'billing.db'}"))

    with app.app_context():
        with db.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        databases.close(app)

    assert "billing.db-wal" in modes
    assert set(modes.values()) == {0o600}
