"""Where are rate limits counted? In Redis; while it is away, in this process."""

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, TypeVar

from flask import Flask
from limits.errors import StorageError
from limits.storage import Storage
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing.operations.process_storage import ProcessStorage
from billing.operations.redis_counts import RedisCounts

SHARED = "shared+"
"""What stands before the address of a Redis that may go away."""

TIMEOUT_SECONDS = 0.2
PAUSE_SECONDS = 0.5
OPTIONS: dict[str, Any] = {
    "socket_timeout": TIMEOUT_SECONDS,
    "socket_connect_timeout": TIMEOUT_SECONDS,
    "retry": Retry(NoBackoff(), 0),  # the client's own would hold a request for seconds
    "wrap_exceptions": True,
}
PROBE_KEY = "billing:probe"

T = TypeVar("T")
log = logging.getLogger(__name__)


class SharedStorage(Storage):
    """Counts in Redis, and while it is away in this process: no call fails.

    Only the calls that are under way when Redis goes wait for it, a timeout at most. A thread of
    this process then asks until Redis counts again; it begins with the outage and ends with it.
    """

    STORAGE_SCHEME = [f"{SHARED}redis", f"{SHARED}rediss", f"{SHARED}redis+unix"]

    def __init__(self, uri: str, **_: float | str | bool) -> None:
        super().__init__(uri)
        self._shared = RedisCounts(uri.removeprefix(SHARED), **OPTIONS)
        self._own = ProcessStorage()
        self._turning = Lock()
        self._probe: Thread | None = None
        self._began = 0.0
        self.is_away = False
        self.outages = 0
        self.hits_alone = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """Name what a call may raise."""
        return StorageError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and tell how many there are."""
        return self._ask(lambda storage: storage.incr(key, expiry, amount), hits=1)

    def get(self, key: str) -> int:
        """Tell how many were counted."""
        return self._ask(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        """Tell when the count begins anew, in Unix seconds."""
        return self._ask(lambda storage: storage.get_expiry(key))

    def check(self) -> bool:
        """Ask Redis for what requests need: it may answer, and still be full or read-only."""
        try:
            self._shared.incr(PROBE_KEY, 1)
        except StorageError:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every count."""
        return self._ask(lambda storage: storage.reset())

    def clear(self, key: str) -> None:
        """Forget one count."""
        self._ask(lambda storage: storage.clear(key))

    def _ask(self, act: Callable[[Storage], T], hits: int = 0) -> T:
        if not self.is_away:
            try:
                return act(self._shared)
            except StorageError:
                self._leave()
        self.hits_alone += hits
        self._watch()
        return act(self._own)

    def _leave(self) -> None:
        with self._turning:
            if self.is_away:
                return
            self._began, self.outages, self.hits_alone = time.monotonic(), self.outages + 1, 0
            self.is_away = True
        log.warning("rate_limits=per_process outcome=storage_away outage=%d", self.outages)

    def _watch(self) -> None:
        """Let one thread of this process look out; of a fork's parent there is none here."""
        if self._probe is not None and self._probe.is_alive():
            return
        with self._turning:
            if self.is_away and not (self._probe and self._probe.is_alive()):
                self._probe = Thread(target=self._look_out, name="redis-probe", daemon=True)
                self._probe.start()

    def _look_out(self) -> None:
        while not self.check():
            time.sleep(PAUSE_SECONDS)
        with self._turning:
            self.is_away = False
            self._probe = None
        log.warning(
            "rate_limits=shared outcome=storage_back outage=%d seconds=%.1f hits=%d",
            self.outages,
            time.monotonic() - self._began,
            self.hits_alone,
        )


def storage_of(app: Flask) -> SharedStorage | None:
    """Find the application's storage; None if it counts in memory by choice."""
    (limiter,) = app.extensions["limiter"]
    return limiter.storage if isinstance(limiter.storage, SharedStorage) else None
