"""How does the flow of an event run its statements? Built once each, past the unit of work.

Building a statement costs ten times what sending it costs. Here it is built at its first use, with
`bindparam`s for what differs, and then runs on the connection of the open session.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from billing.database import Base, db, dialect_name, insert

P = ParamSpec("P")
S = TypeVar("S", bound=sa.Executable)


def table(model: type[Base]) -> sa.Table:
    """Name the table of a model: statements over it know nothing of loaded objects."""
    return cast(sa.Table, model.__table__)


def once(build: Callable[P, S]) -> Callable[P, S]:
    """Keep what the function builds, for each dialect and each of its few arguments."""
    kept: dict[tuple[Any, ...], S] = {}

    @wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> S:
        key = (dialect_name(), *args, *kwargs.values())
        if key not in kept:
            kept[key] = build(*args, **kwargs)
        return kept[key]

    return built


@once
def unless_taken(model: type[Base], names: tuple[str, ...], *, key: str) -> sa.Executable:
    """An INSERT of these columns that returns the key, or no row if the key is taken."""
    keys = key.split()
    return (
        insert(table(model))
        .values({name: sa.bindparam(name) for name in names})
        .on_conflict_do_nothing(index_elements=keys)
        .returning(*(table(model).c[name] for name in keys))
    )


def send(statement: sa.Executable, **values: Any) -> sa.CursorResult[Any]:
    """Send a statement with these values for its `bindparam`s, in the session's transaction."""
    return db.session.connection().execute(statement, values)
