"""How long from the payment to `me` saying pro? `python -m bench.purchase`, with the emulator."""

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import requests

from bench import apps
from bench.processes import served
from billing import create_app
from billing.catalog import apply, plans
from billing.catalog.seed import seed
from billing.database import db, transaction
from billing.emulator import Emulator
from tests.support import databases, postgres
from tests.support.factories import a_user, auth

POLL_SECONDS = 0.005
PATIENCE_SECONDS = 30
CARD = {"card": "4242424242424242"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=100)
    told = parser.parse_args()
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="bench-", dir="/tmp")))  # noqa: S108 - short, for sockets
        server = running.enter_context(postgres.served())
        urls = {
            "SQLite": f"sqlite:///{folder / 'purchase.db'}",
            "PostgreSQL": postgres.make_database(server, "purchase"),
        }
        print("| database | shown: median ms | p99 ms | confirmed: median ms | p99 ms |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for name, url in urls.items():
            shown, confirmed = measure(name, url, told.purchases)
            print(f"| {name} | {summary(shown)} | {summary(confirmed)} |")


def measure(name: str, url: str, purchases: int) -> tuple[list[float], list[float]]:
    """Buy again and again, each time as somebody new; return the milliseconds of each."""
    with shop(url) as emulator, served(name, "inline", url, emulator.url) as target:
        service = f"http://127.0.0.1:{target.port}"
        emulator.add_webhook(f"{service}/webhooks/stripe", apps.SECRET)
        found = [buy(service, headers) for headers in buyers(url, emulator, purchases)]
        emulator.wait_idle()
    return [one[0] for one in found], [one[1] for one in found]


@contextmanager
def shop(url: str) -> Iterator[Emulator]:
    """A migrated database, and a Stripe that sells the plans."""
    emulator = Emulator()
    config = apps.configured(url, "inline", emulator.serve())
    databases.migrate(config)
    app = create_app(config)
    with app.app_context():
        with transaction():
            seed(plans.load(), config.default_currency)
        apply.apply(plans.load())
        db.engine.dispose()
    yield emulator
    emulator.stop()


def buyers(url: str, emulator: Emulator, count: int) -> list[dict[str, str]]:
    """The headers of so many users who have the free plan."""
    app = create_app(apps.configured(url, "inline", emulator.url))
    with app.app_context():
        headers = [auth(a_user().id) for _ in range(count)]
        db.engine.dispose()
    return headers


def buy(service: str, headers: dict[str, str]) -> tuple[float, float]:
    """Pay, and poll as a frontend does; milliseconds until pro is shown, and until confirmed."""
    session = requests.Session()
    session.headers.update(headers)
    opened = session.post(f"{service}/v1/subscription/checkout", json={"plan": "pro"}, timeout=30)
    began = time.perf_counter()
    requests.post(opened.json()["url"], CARD, timeout=30, allow_redirects=False)
    shown = 0.0
    while time.perf_counter() - began < PATIENCE_SECONDS:
        me = session.get(f"{service}/v1/subscription/me", timeout=30).json()
        now = (time.perf_counter() - began) * 1000
        if me["plan"] == "pro":
            shown = shown or now
            if me["confirmed"]:
                return shown, now
        time.sleep(POLL_SECONDS)
    raise RuntimeError("the plan never turned")


def summary(times: list[float]) -> str:
    """The median and the 99th percentile."""
    of_hundred = quantiles(times, n=100, method="inclusive")
    return f"{median(times):.0f} | {of_hundred[98]:.0f}"


if __name__ == "__main__":
    main()
