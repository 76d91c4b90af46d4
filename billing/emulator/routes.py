"""Which requests does the emulated API answer, and with what?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.emulator.account import Account, Resource
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


ROUTES: list[Route] = []


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
