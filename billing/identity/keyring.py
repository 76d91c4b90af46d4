"""Which public keys does the outside issuer sign with? Fetched, kept, and rotated with it."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import jwt
import requests

from billing import clock
from billing.errors import BillingError

log = logging.getLogger(__name__)

HOLD = timedelta(minutes=10)
"""After this long the keys are asked for again, so that a withdrawn one stops being taken."""
PAUSE = timedelta(seconds=10)
"""Between two fetches at least, whatever keys the tokens of strangers name."""
TIMEOUT_SECONDS = 3


class IssuerUnavailable(BillingError):
    """No key is known yet, and the issuer does not tell any."""

    status = 503
    code = "issuer_unavailable"
    retry_after = int(PAUSE.total_seconds())


class NoKeys(Exception):
    """What the issuer answered holds no key that could be used."""


class Keyring:
    """The issuer's keys of one algorithm, by their ids. Threads may share it."""

    def __init__(self, url: str, algorithm: str) -> None:
        self._url = url
        self._algorithm = algorithm
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._lock = Lock()

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return the key; None if the issuer has no such key. Raises IssuerUnavailable."""
        if self._wants_fetch(key_id):
            with self._lock:
                if self._wants_fetch(key_id):  # another thread may have fetched meanwhile
                    self._fetch()
        if not self._keys:
            raise IssuerUnavailable("The keys of the token issuer cannot be had; try again soon.")
        return self._keys.get(key_id)

    def _wants_fetch(self, key_id: str) -> bool:
        now = clock.utc_now()
        if self._asked_at is not None and now < self._asked_at + PAUSE:
            return False
        stale = self._fetched_at is None or now >= self._fetched_at + HOLD
        return stale or key_id not in self._keys

    def _fetch(self) -> None:
        """Replace the keys; an issuer that does not answer leaves them as they were."""
        began_at = clock.utc_now()
        try:
            told = requests.get(self._url, timeout=TIMEOUT_SECONDS, allow_redirects=False).json()
            self._keys = self._usable(told)
            self._fetched_at = began_at
        except (requests.RequestException, NoKeys) as fault:
            log.warning("jwks_url=%s outcome=failed fault=%s", self._url, type(fault).__name__)
        self._asked_at = began_at  # last: until then other threads wait for what is being fetched

    def _usable(self, told: Any) -> dict[str, jwt.PyJWK]:
        """Keep public signing keys of the one algorithm that have an id. Raises NoKeys."""
        listed = told.get("keys") if isinstance(told, dict) else None
        found = {}
        for key in listed if isinstance(listed, list) else []:
            if isinstance(key, dict) and self._is_ours_to_use(key):
                with suppress(jwt.PyJWTError):  # a key of another kind
                    found[key["kid"]] = jwt.PyJWK(key, self._algorithm)
        if not found:
            raise NoKeys
        return found

    def _is_ours_to_use(self, key: dict[str, Any]) -> bool:
        for_signing = key.get("use", "sig") == "sig"
        of_the_algorithm = key.get("alg", self._algorithm) == self._algorithm
        is_public = "d" not in key
        return for_signing and of_the_algorithm and is_public and isinstance(key.get("kid"), str)
