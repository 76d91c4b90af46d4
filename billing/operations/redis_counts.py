"""How are rate limits counted in Redis? With one question a budget and request."""

from typing import cast

from flask import g, has_request_context
from limits.storage import RedisStorage

from billing import clock

COUNT = b"""
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then
    redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return {count, redis.call('PTTL', KEYS[1])}
"""


class RedisCounts(RedisStorage):
    """The library's, which asks Redis anew for what the headers tell; this one was told it.

    What one request has counted it is told again from memory: how many, and until when.
    """

    STORAGE_SCHEME: list[str] = []

    def initialize_storage(self, uri: str) -> None:
        """Prepare the script; Redis loads it when it first runs."""
        super().initialize_storage(uri)
        self._count = self.get_connection().register_script(COUNT)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and tell how many there are."""
        count, left = self._count([self.prefixed_key(key)], [expiry, amount])
        _told()[key] = count, clock.utc_now().timestamp() + left / 1000
        return cast(int, count)

    def get(self, key: str) -> int:
        """Tell how many were counted."""
        told = _told().get(key)
        return told[0] if told else super().get(key)

    def get_expiry(self, key: str) -> float:
        """Tell when the count begins anew, in Unix seconds."""
        told = _told().get(key)
        return told[1] if told else super().get_expiry(key)


def _told() -> dict[str, tuple[int, float]]:
    if not has_request_context():
        return {}
    return cast("dict[str, tuple[int, float]]", g.setdefault("counts_in_redis", {}))
