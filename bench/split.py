"""Where does the time of an event go? One thread, no HTTP server, a stopwatch at three doors."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import stripe
from stripe import WebhookSignature

from bench.apps import SECRET
from bench.events import CUSTOMERS, Template
from billing import create_app
from billing.database import db
from config import Config

FIRST = 10**9  # beyond the numbers that the load uses
WARM_UP = CUSTOMERS  # the first event of a customer costs more
PARTS = ("verify", "SQL", "Stripe call")


def measure(config: Config, known: Template, events: int) -> dict[str, float]:
    """Milliseconds of an event in all and in each part; SQL is the time in the driver."""
    app = create_app(config)
    spent: Counter[str] = Counter()
    with app.app_context():
        dialect = db.engine.dialect
        for name in ("do_execute", "do_commit", "do_rollback"):
            setattr(dialect, name, timed(getattr(dialect, name), spent, "SQL"))
    verify, ask = WebhookSignature.verify_header, stripe.StripeClient.raw_request
    WebhookSignature.verify_header = timed(verify, spent, "verify")
    stripe.StripeClient.raw_request = timed(ask, spent, "Stripe call")
    client = app.test_client()
    for number in range(events + WARM_UP):
        if number == WARM_UP:
            spent.clear()
            began = time.perf_counter()
        body = known.event_of(FIRST + number)
        header = WebhookSignature.generate_signature_header(body, SECRET)
        answer = client.post("/webhooks/stripe", data=body, headers={"Stripe-Signature": header})
        assert answer.status_code == 200
    spent["in all"] = time.perf_counter() - began
    WebhookSignature.verify_header, stripe.StripeClient.raw_request = verify, ask
    with app.app_context():
        db.engine.dispose()
    return {name: seconds / events * 1000 for name, seconds in spent.items()}


def show(database: str, parts: dict[str, float]) -> None:
    """Print one line."""
    rest = parts["in all"] - sum(parts[name] for name in PARTS)
    told = [f"{name} {parts[name]:.2f}" for name in PARTS] + [f"the rest {rest:.2f}"]
    print(f"{database}, inline, ms an event in one thread: {parts['in all']:.2f} = ", end="")
    print(" + ".join(told))


def timed(function: Callable[..., Any], spent: Counter[str], part: str) -> Callable[..., Any]:
    """Add the time spent in the function to a part."""

    def timed_function(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[part] += time.perf_counter() - began

    return timed_function
