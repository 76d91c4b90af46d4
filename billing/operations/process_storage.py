"""Where does one process count its rate limits? In a dictionary, without a thread beside it."""

from threading import Lock

from limits.errors import StorageError
from limits.storage import Storage

from billing import clock

ALONE = "process://"
FEW = 1024
"""So many counts may have ended and still be kept."""


class ProcessStorage(Storage):
    """Fixed windows in memory. Whenever the counts have doubled, those that ended are dropped.

    The library's own starts a thread that looks at every count, up to a hundred times a second.
    """

    STORAGE_SCHEME = [ALONE.removesuffix("://")]

    def __init__(self, uri: str = ALONE, **_: float | str | bool) -> None:
        super().__init__(uri)
        self._turns = Lock()
        self._counts: dict[str, tuple[int, float]] = {}
        self._most = FEW

    @property
    def base_exceptions(self) -> type[Exception]:
        """Name what a call may raise; none does."""
        return StorageError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and tell how many there are."""
        now = clock.utc_now().timestamp()
        with self._turns:
            count, ends = self._counts.get(key, (0, now))
            if ends <= now:
                count, ends = 0, now + expiry
            self._counts[key] = count + amount, ends
            if len(self._counts) > self._most:
                self._drop_ended(now)
        return count + amount

    def get(self, key: str) -> int:
        """Tell how many were counted."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if clock.utc_now().timestamp() < ends else 0

    def get_expiry(self, key: str) -> float:
        """Tell when the count begins anew, in Unix seconds."""
        _, ends = self._counts.get(key, (0, 0.0))
        return max(ends, clock.utc_now().timestamp())

    def check(self) -> bool:
        """Tell that it is there."""
        return True

    def reset(self) -> int | None:
        """Forget every count; tell how many there were."""
        with self._turns:
            known = len(self._counts)
            self._counts.clear()
        return known

    def clear(self, key: str) -> None:
        """Forget one count."""
        self._counts.pop(key, None)

    def _drop_ended(self, now: float) -> None:
        self._counts = {key: held for key, held in self._counts.items() if now < held[1]}
        self._most = max(FEW, 2 * len(self._counts))
