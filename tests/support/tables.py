"""How do many runs begin from one state? Remember every row, and bring it back."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from billing.database import Base, reading, transaction
from tests.support import databases

Rows = Mapping[sa.Table, Sequence[Mapping[str, Any]]]


def remember() -> Rows:
    """Read every row of every table."""
    with reading() as session:
        return {
            table: [dict(row) for row in session.execute(sa.select(table)).mappings()]
            for table in Base.metadata.sorted_tables
        }


def restore(rows: Rows) -> None:
    """Make the database hold these rows and no others."""
    databases.empty()
    with transaction() as session:
        for table, remembered in rows.items():
            if remembered:
                session.execute(sa.insert(table), remembered)
