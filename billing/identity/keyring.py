"""Which public keys does the outside issuer sign with? Fetched, kept, and rotated with it."""

import json
import logging
import time
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import jwt
import requests
from urllib3.exceptions import HTTPError

from billing import clock
from billing.errors import BillingError

log = logging.getLogger(__name__)

HOLD = timedelta(minutes=10)
"""After this long the keys are asked for again, so that a withdrawn one stops being taken."""
PAUSE = timedelta(seconds=10)
"""Between two fetches at least, whatever keys the tokens of strangers name."""
TIMEOUT_SECONDS = 3
"""The longest silence of the issuer."""
WHOLE_SECONDS = 5
"""The time after which no more of its answer is read, however it drips."""
LARGEST = 256 * 1024


class IssuerUnavailable(BillingError):
    """No key is known yet, and the issuer does not tell any."""

    status = 503
    code = "issuer_unavailable"
    retry_after = int(PAUSE.total_seconds())


class NoKeys(Exception):
    """What the issuer answered holds no key that could be used."""


class Keyring:
    """The issuer's keys of one algorithm, by their ids. Threads may share it."""

    def __init__(self, url: str, algorithm: str, whole_seconds: float = WHOLE_SECONDS) -> None:
        self._url = url
        self._whole_seconds = whole_seconds
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
            self._keys = self._usable(_document_at(self._url, self._whole_seconds))
            self._fetched_at = began_at
        except (requests.RequestException, HTTPError, OSError, NoKeys) as fault:
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


def _document_at(url: str, whole_seconds: float) -> Any:
    """Fetch a JSON document, bounded in time, size and depth. Raises NoKeys, RequestException."""
    ends = time.monotonic() + whole_seconds
    plain = {"Accept-Encoding": "identity"}  # what is compressed may be larger than it looks
    body = b""
    with requests.get(
        url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True, headers=plain
    ) as response:
        while part := response.raw.read1(LARGEST):
            body += part
            if len(body) > LARGEST or time.monotonic() > ends:
                raise NoKeys
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NoKeys from None
