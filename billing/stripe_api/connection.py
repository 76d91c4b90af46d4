"""How is Stripe asked? Lists to their last page, plain dicts, keys, and tries within a budget."""

import contextvars
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote

import stripe

from billing import clock
from billing.errors import StripeUnavailable
from billing.logs import Outage
from billing.stripe_api import faults, transport
from billing.stripe_api.events import API_VERSION
from billing.stripe_api.key_watch import KeyWatch
from config import Config

log = logging.getLogger(__name__)

PAGE = 100
SLACK = 2
"""Seconds by which an event's `created` may lie behind the `Date` of an answer that shows it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """When an answer was given, by Stripe's clock, in its whole seconds.

    What the answer shows was true at `since` or later, and no event of what it shows was created
    after `until`.
    """

    since: int
    until: int


_dates: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar("dates", default=None)


@contextmanager
def dated() -> Iterator[list[int]]:
    """Collect the second of every answer that comes inside."""
    dates: list[int] = []
    token = _dates.set(dates)
    try:
        yield dates
    finally:
        _dates.reset(token)


class Connection:
    """A client of one process. Raises StripeUnavailable, StripeMissing, StripeRefused,
    CardDeclined."""

    def __init__(self, config: Config) -> None:
        self.key = KeyWatch()
        self._outage = Outage(log, "stripe")
        self._client = stripe.StripeClient(
            config.stripe_secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": config.stripe_api_base},
            max_network_retries=0,  # `_call` retries, within the budget of the request
            http_client=transport.http_client(config.stripe_timeout),
        )

    def pages(self, path: str, query: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """Walk a list to its last page; each page with the second of its answer."""
        while True:
            answer = self._call("get", path, query)
            body = cast(dict[str, Any], answer.data)
            yield body["data"], date_of(answer)
            if not body["has_more"] or not body["data"]:
                return
            query = query | {"starting_after": body["data"][-1]["id"]}

    def _list(self, path: str, query: dict[str, Any]) -> tuple[list[dict[str, Any]], Seen]:
        found: list[dict[str, Any]] = []
        began = time.monotonic()
        first: int | None = None
        for page, date in self.pages(path, query):
            if first is None:
                first = date - math.ceil(time.monotonic() - began)
            found += page
        return found, Seen(since=first or date, until=date + SLACK)

    def _get(self, path: str, object_id: str, *expand: str) -> dict[str, Any]:
        # Ids of old plans and products were chosen by people and may hold any character.
        query = {"expand": list(expand)} if expand else {}
        answer = self._call("get", f"{path}/{quote(object_id, safe='')}", query)
        return cast(dict[str, Any], answer.data)

    def _post(
        self, path: str, parameters: Mapping[str, Any], *, idempotency_key: str
    ) -> dict[str, Any]:
        answer = self._call("post", path, {**parameters, "idempotency_key": idempotency_key})
        return cast(dict[str, Any], answer.data)

    def _set(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Post what a repeat would not change; a key kept for a day would hide a change back."""
        return cast(dict[str, Any], self._call("post", path, parameters).data)

    def _delete(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return cast(dict[str, Any], self._call("delete", path, parameters).data)

    def _call(self, method: str, path: str, parameters: Mapping[str, Any]) -> stripe.StripeResponse:
        """Return Stripe's answer; log a refusal with Stripe's own sentence, an outage once."""
        try:
            answer = self._attempt(method, path, parameters)
        except faults.StripeKeyRefused:
            raise
        except StripeUnavailable as fault:
            self._outage.begin(fault)
            raise
        except faults.StripeRefusal as refusal:
            self._outage.end()
            level = logging.INFO if isinstance(refusal, faults.StripeMissing) else logging.WARNING
            log.log(
                level,
                "stripe.refused method=%s path=%s request_id=%s code=%s param=%s reason=%s",
                method,
                path,
                refusal.request_id or "-",
                refusal.facts.get("stripe_code") or refusal.code,
                refusal.facts.get("param") or "-",
                json.dumps(refusal.reason),
            )
            raise
        self._outage.end()
        return answer

    def _attempt(
        self, method: str, path: str, parameters: Mapping[str, Any]
    ) -> stripe.StripeResponse:
        """Return Stripe's answer as plain dicts; repeat what may pass, within the budget.

        Typed objects would cost twice the time.
        """
        attempt = 0
        while True:
            try:
                answer = self._client.raw_request(method, path, **parameters)
                if (dates := _dates.get()) is not None:
                    dates.append(date_of(answer))
                return cast(stripe.StripeResponse, answer)
            except stripe.StripeError as error:
                if not transport.may_try_again(error, attempt):
                    raise self.key.noted(faults.translate(error)) from error
            attempt += 1


def date_of(answer: stripe.StripeResponse) -> int:
    """Read the `Date` header; without one, a moment that is surely not too early."""
    text = answer.headers.get("Date") if answer.headers else None
    try:
        return clock.to_unix(parsedate_to_datetime(cast(str, text)))
    except (TypeError, ValueError):
        return clock.to_unix(clock.utc_now()) + 5
