"""How does the flow of an event run its statements? Built once each, past the unit of work.

Building a statement costs ten times what sending it costs. Here it is built at its first use, with
`bindparam`s for what differs, and then runs on the connection of the open session.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from billing.database import Base, db

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
        key = (db.engine.dialect.name, *args, *kwargs.values())
        if key not in kept:
            kept[key] = build(*args, **kwargs)
        return kept[key]

    return built


def send(statement: sa.Executable, **values: Any) -> sa.CursorResult[Any]:
    """Send a statement with these values for its `bindparam`s, in the session's transaction."""
    return db.session.connection().execute(statement, values)
