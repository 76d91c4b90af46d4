"""What is ours in the application object? What it asks of a request, and how often."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from apiflask import APIFlask
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from billing import request_ids

FUNCTIONS = 1000


class Service(APIFlask):
    """The Flask application of the service. Every request has an id, errors too.

    Its hooks ask who calls, how often, from where and for what: of callers, not of events.
    """

    def __init__(self, import_name: str, **options: Any) -> None:
        super().__init__(import_name, **options)
        self._as_sync = lru_cache(FUNCTIONS)(super().ensure_sync)
        self._events: set[str] = set()
        self._finishers: list[Callable[[Response], Response]] = []

    def register_events(self, blueprint: Blueprint) -> None:
        """Register views that take signed events: they come by thousands, and no hook sees them."""
        self.register_blueprint(blueprint)
        self._events.add(blueprint.name)

    def after_every_request(self, finish: Callable[[Response], Response]) -> None:
        """Register what finishes every answer, those to events too."""
        self._finishers.append(finish)

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Give the request its id; then whatever the hooks ask of a caller."""
        request_ids.identify()
        return None if request.blueprint in self._events else super().preprocess_request()

    def process_response(self, response: Response) -> Response:
        """Let the hooks finish what a caller gets; protect every answer, and name its request."""
        if request.blueprint not in self._events:
            response = super().process_response(response)
        for finish in self._finishers:
            response = finish(response)
        return request_ids.echo(response)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Remember whether a function is a coroutine; some sixteen of them see every request."""
        return self._as_sync(func)
