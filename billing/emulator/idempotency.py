"""Was this request made before? The same key gives the same answer for a day."""

import threading
from collections.abc import Callable

import flask

from billing import clock
from billing.emulator.account import Account, Resource
from billing.emulator.errors import ApiError, idempotency_in_use, idempotency_mismatch
from billing.emulator.transaction import Cause

KEPT_SECONDS = 24 * 3600
KEPT_REFUSALS = (402, 500)
"""What an endpoint answered after it had begun: Stripe replays that too."""


class Idempotency:
    """Remembers answers by key, 500s among them. Refused parameters are not remembered."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._running: set[str] = set()
        self._guard = threading.Lock()

    def once(self, cause: Cause, fingerprint: str, act: Callable[[], str]) -> tuple[int, str]:
        """Act, or give the answer of the first time; refuse twins and other parameters."""
        key = cause.idempotency_key or ""
        self._enter(key)
        try:
            return self._replay(key, fingerprint) or self._act(key, fingerprint, act)
        finally:
            self._running.discard(key)

    def _enter(self, key: str) -> None:
        with self._guard:
            if key in self._running:
                raise idempotency_in_use(key)
            self._running.add(key)

    def _replay(self, key: str, fingerprint: str) -> tuple[int, str] | None:
        known = self._account.get("_idempotency", f"_ik_{key}")
        if known is None or known["at"] + KEPT_SECONDS < clock.to_unix(clock.utc_now()):
            return None
        if known["fingerprint"] != fingerprint:
            raise idempotency_mismatch(key)
        flask.g.replayed = True
        return known["status"], known["body"]

    def _act(self, key: str, fingerprint: str, act: Callable[[], str]) -> tuple[int, str]:
        try:
            body = act()
        except ApiError as refusal:
            if refusal.status in KEPT_REFUSALS:
                self._keep(key, fingerprint, refusal.status, flask.json.dumps(refusal.body("")))
            raise
        self._keep(key, fingerprint, 200, body)
        return 200, body

    def _keep(self, key: str, fingerprint: str, status: int, body: str) -> None:
        answer: Resource = {"id": f"_ik_{key}", "object": "_idempotency", "body": body}
        at = clock.to_unix(clock.utc_now())
        with self._account.atomic():
            self._account.add({**answer, "fingerprint": fingerprint, "status": status, "at": at})
