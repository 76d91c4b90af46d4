"""Is the shared storage of rate limits away? Said once when it goes, and once when it is back."""

import logging
import threading
import time

from flask import Flask, Response
from flask_limiter import Limiter

log = logging.getLogger(__name__)


class Outages:
    """Counts, in this process, the outages and the requests that were limited without storage."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._lock = threading.Lock()
        self._began: float | None = None
        self.count = 0
        self.requests = 0

    def init_app(self, app: Flask) -> None:
        """Look after each request. What the extension says of it is silenced but for errors."""
        self._limiter.logger.setLevel(logging.ERROR)
        app.after_request(self._look)

    def _look(self, response: Response) -> Response:
        with self._lock:
            if self._limiter.limiter.storage is not self._limiter.storage:
                self._away()
            elif self._began is not None:
                self._back(self._began)
        return response

    def _away(self) -> None:
        self.requests += 1
        if self._began is None:
            self._began, self.count, self.requests = time.monotonic(), self.count + 1, 1
            log.warning("rate_limits=per_process outcome=storage_away outage=%d", self.count)

    def _back(self, began: float) -> None:
        self._began = None
        log.warning(
            "rate_limits=shared outcome=storage_back outage=%d seconds=%.1f requests=%d",
            self.count,
            time.monotonic() - began,
            self.requests,
        )
