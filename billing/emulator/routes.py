"""Which requests does the emulated API answer, and with what?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.emulator.account import Account, Resource
from billing.emulator.errors import unknown_route
from billing.emulator.listing import Filters, page

Params = dict[str, Any]
Handler = Callable[..., Resource]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path, the SDK type of its parameters, and what answers it."""

    method: str
    path: str
    accepts: Any
    handler: Handler

    def ids_in(self, path: str) -> dict[str, str] | None:
        """Give the ids that a path has in this route's places, or None if it is another's."""
        names, values = self.path.split("/"), path.split("/")
        if len(names) != len(values):
            return None
        pairs = list(zip(names, values, strict=True))
        if any(name != value for name, value in pairs if not name.startswith("<")):
            return None
        return {name[1:-1]: value for name, value in pairs if name.startswith("<")}


ROUTES: list[Route] = []


def routed(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Find the route of a request, one without ids first; refuse a URL that there is not."""
    for candidate in sorted(ROUTES, key=lambda candidate: candidate.path.count("<")):
        if candidate.method == method and (ids := candidate.ids_in(path)) is not None:
            return candidate, ids
    raise unknown_route(method, path)


def route(method: str, path: str, accepts: Any) -> Callable[[Handler], Handler]:
    """Register the handler of a request; it gets the account, the parameters and the path's ids."""

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, path, accepts, handler))
        return handler

    return register


def retrievable(path: str, kind: str, accepts: Any) -> None:
    """Register the retrieval of one object by its id."""

    def retrieve(account: Account, params: Params, id: str) -> Resource:
        return account.find(kind, id)

    ROUTES.append(Route("GET", path, accepts, retrieve))


def listable(path: str, kind: str, accepts: Any, filters: Filters | None = None) -> None:
    """Register the list of a kind; a filter is (object, wanted value) -> does it belong."""

    def enumerate_objects(account: Account, params: Params) -> Resource:
        return page(account.all(kind), params, path, filters or {})

    ROUTES.append(Route("GET", path, accepts, enumerate_objects))
