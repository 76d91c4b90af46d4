"""How is one API request answered? Faults, key, parameters, idempotency, the act, the answer."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import flask
from flask import Flask, Response, request

from billing import clock
from billing.emulator.account import API_VERSION, Account, Resource, token
from billing.emulator.errors import ApiError, forbidden, invalid, unauthorized
from billing.emulator.expansion import expand
from billing.emulator.idempotency import Idempotency
from billing.emulator.parameters import decode, read
from billing.emulator.routes import Route, routed
from billing.emulator.transaction import Cause, Transaction
from billing.emulator.versions import in_version

KEPT_REQUESTS = 10_000

Received = tuple[str, str, dict[str, Any], dict[str, str], int]


class Api:
    """The HTTP face of an account."""

    def __init__(self, account: Account, announce: Callable[[Transaction], None]) -> None:
        self.received: deque[Received] = deque(maxlen=KEPT_REQUESTS)
        self._account = account
        self._guard = threading.Lock()
        self._announce = announce
        self._idempotency = Idempotency(account)

    def serve_on(self, app: Flask) -> None:
        """Answer everything under /v1, in Stripe's shape also where there is nothing."""
        app.add_url_rule("/v1/<path:path>", view_func=self._answer, methods=list(METHODS))

    def _answer(self, path: str) -> Response:
        """Do the work, and put whatever comes of it into Stripe's envelope."""
        cause = Cause(token("req_", 14), request.headers.get("Idempotency-Key"))
        try:
            fault = self._suffer()
            if fault and not (fault.status == 500 and request.method == "POST"):
                raise fault
            authenticate(self._account.faults.forbidden)
            route, ids = routed(request.method, f"/v1/{path}")
            status, body = self._perform(route, ids, cause, fault)
        except ApiError as refusal:
            status, body = refusal.status, as_json(refusal.body(cause.request_id or ""))
        self._remember(status)
        response = self._envelope(status, body, cause)
        if self._loses_answer():
            response.close()
            raise ConnectionResetError
        return response

    def _suffer(self) -> ApiError | None:
        """Let the faults of the API happen; return the answer that is to be given instead."""
        faults = self._account.faults
        if faults.api_delay:
            time.sleep(faults.api_delay)
        with self._guard:
            cut, faults.api_reset = faults.api_reset > 0, max(0, faults.api_reset - 1)
            status = faults.api_status.pop(0) if faults.api_status and not cut else None
        if cut:
            self._remember(0)
            raise ConnectionResetError
        return injected(status) if status else None

    def _loses_answer(self) -> bool:
        """Say whether this answer is one of those that never arrive."""
        faults = self._account.faults
        with self._guard:
            lost, faults.api_lost = faults.api_lost > 0, max(0, faults.api_lost - 1)
        return lost

    def _perform(
        self, route: Route, ids: dict[str, str], cause: Cause, fault: ApiError | None
    ) -> tuple[int, str]:
        raw = decode([*request.args.items(multi=True), *request.form.items(multi=True)])
        params = read(route.accepts, raw)
        wanted = params.pop("expand", [])

        def act() -> str:
            if fault:
                raise fault
            with self._account.atomic(cause) as flask.g.transaction:
                result = route.handler(self._account, params, **ids)
                shown = expand(self._account, present(self._account, result), wanted)
                version = request.headers.get("Stripe-Version")
                return as_json(in_version(self._account, shown, version))

        if request.method != "POST" or not cause.idempotency_key:
            return 200, act()
        fingerprint = as_json([request.path, raw])
        return self._idempotency.once(cause, fingerprint, act)

    def _remember(self, status: int) -> None:
        pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
        told = (request.method, request.path, decode(pairs), dict(request.headers), status)
        self.received.append(told)

    def _envelope(self, status: int, body: str, cause: Cause) -> Response:
        response = Response(body, status, content_type="application/json")
        response.headers["Request-Id"] = cause.request_id or ""
        response.headers["Date"] = clock.utc_now().strftime("%a, %d %b %Y %H:%M:%S GMT")
        response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
        if cause.idempotency_key:
            response.headers["Idempotency-Key"] = cause.idempotency_key
        if flask.g.get("replayed"):
            response.headers["Idempotent-Replayed"] = "true"
        if transaction := flask.g.get("transaction"):
            # Events leave after the answer: inside it they would lock up a one-worker service.
            response.call_on_close(lambda: self._announce(transaction))
        return response


METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH")


def present(account: Account, result: Resource) -> Resource:
    """Show an object, or every object of a list."""
    if result.get("object") == "list":
        return {**result, "data": [account.view(found) for found in result["data"]]}
    return account.view(result)


def authenticate(closed: list[str]) -> None:
    """Accept any test-mode key, as a bearer or the basic user; restricted ones not everywhere."""
    given = request.authorization
    key = (given.token or given.username) if given else None
    if not key:
        raise unauthorized("You did not provide an API key.")
    if not key.startswith(("sk_test_", "rk_test_")):
        raise unauthorized(f"Invalid API Key provided: {key[:8]}****")
    if key.startswith("rk_") and request.path.startswith(tuple(closed)):
        raise forbidden(request.method, request.path)


def injected(status: int) -> ApiError:
    """Make the answer of an injected fault; nothing was done."""
    if status == 429:
        return ApiError(429, "Too many requests.", code="rate_limit")
    if status == 401:
        return unauthorized("Expired API Key provided.")
    if status < 500:
        refusal = invalid("Injected fault.")
        refusal.status = status
        return refusal
    return ApiError(status, "An unexpected error occurred.", type="api_error")


def as_json(value: object) -> str:
    """Write JSON; unlike Stripe's it is not indented, which would cost three times as much."""
    return json.dumps(value)
