"""What is ours in the application object? It asks once what Flask asks at every request."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from apiflask import APIFlask

FUNCTIONS = 1000


class Service(APIFlask):
    """The Flask application of the service."""

    def __init__(self, import_name: str, **options: Any) -> None:
        super().__init__(import_name, **options)
        self._as_sync = lru_cache(FUNCTIONS)(super().ensure_sync)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Remember whether a function is a coroutine; some sixteen of them see every request."""
        return self._as_sync(func)
