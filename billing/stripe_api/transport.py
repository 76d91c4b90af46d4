"""How long may a call to Stripe take? Timeouts, retries and one budget for a whole request."""

import contextvars
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import stripe
from requests.adapters import HTTPAdapter

CONNECT_SECONDS = 3.0
ATTEMPTS = 4
CONNECTIONS = 32
FIRST_PAUSE = 0.25

_deadline: contextvars.ContextVar[float | None] = contextvars.ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every call to Stripe made inside share this much time; an outer budget still holds."""
    outer = _deadline.get()
    ends = time.monotonic() + seconds
    token = _deadline.set(ends if outer is None else min(outer, ends))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float | None:
    """Return the seconds left of the budget, None where there is none."""
    ends = _deadline.get()
    return None if ends is None else ends - time.monotonic()


class Pace:
    """Lets calls pass at an even rate, and never in a burst."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._next = time.monotonic()

    def wait(self) -> None:
        """Sleep until it is the next call's turn."""
        now = time.monotonic()
        time.sleep(max(0.0, self._next - now))
        self._next = max(now, self._next) + self._gap


_pace: contextvars.ContextVar[Pace | None] = contextvars.ContextVar("pace", default=None)


@contextmanager
def paced(per_second: float) -> Iterator[None]:
    """Let the calls to Stripe made inside, retries included, keep to a rate."""
    token = _pace.set(Pace(per_second))
    try:
        yield
    finally:
        _pace.reset(token)


class BudgetedAdapter(HTTPAdapter):
    """Connections whose timeouts never outlive the budget of the request they serve."""

    def __init__(self, read_seconds: float) -> None:
        self._read_seconds = read_seconds
        super().__init__(pool_maxsize=CONNECTIONS)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        if pace := _pace.get():
            pace.wait()
        left = remaining()
        if left is not None and left <= 0:
            raise requests.exceptions.Timeout("the time budget of this request is used up")
        cap = self._read_seconds if left is None else min(self._read_seconds, left)
        kwargs["timeout"] = (min(CONNECT_SECONDS, cap), cap)
        return super().send(*args, **kwargs)


def http_client(read_seconds: float) -> stripe.RequestsClient:
    """Make the SDK's HTTP client with our timeouts. One for each process: sockets do not fork."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, BudgetedAdapter(read_seconds))
    return stripe.RequestsClient(session=session)


def may_try_again(error: stripe.StripeError, attempt: int) -> bool:
    """Tell whether one more attempt is wanted, and wait for its turn.

    The SDK retries nothing by itself and never a 429; its pauses know no budget.
    """
    pause = FIRST_PAUSE * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311 - only jitter
    left = remaining()
    if attempt + 1 >= ATTEMPTS or not _is_passing(error) or (left is not None and left <= pause):
        return False
    time.sleep(pause)
    return True


def _is_passing(error: stripe.StripeError) -> bool:
    told = (error.headers or {}).get("Stripe-Should-Retry")
    if told in {"true", "false"}:
        return told == "true"
    if isinstance(error, stripe.APIConnectionError):
        return error.should_retry
    return isinstance(error, stripe.RateLimitError) or error.http_status in {
        409,
        500,
        502,
        503,
        504,
    }
