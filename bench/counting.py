"""What does it cost to limit and to count? `python -m bench.counting`, beside floors."""

import argparse
import gc
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

import psycopg
from flask import Blueprint, Flask
from sqlalchemy.engine import make_url
from werkzeug.test import EnvironBuilder

from bench import apps
from billing import create_app
from billing.database import db
from billing.entitlements import count_requests, increment_usage
from billing.models import Metric
from config import Config
from tests.support import databases, postgres, redis
from tests.support.factories import a_plan, a_user, auth

PLENTY = 2**31 - 1
FLOOR = "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, used BIGINT NOT NULL)"
COUNT = "UPDATE counter SET used = used + 1 WHERE id = 1 AND used < 2147483647"

Act = Callable[[], object]


@dataclass(frozen=True)
class Cell:
    """What one act took, in CPU and by the clock."""

    cpu_us: float
    per_second: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400, help="in one cell")
    told = parser.parse_args()
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="bench-", dir="/tmp")))  # noqa: S108 - short, for sockets
        server = running.enter_context(postgres.served())
        program = redis.program()
        assert program is not None, "there is no redis-server here"
        redis_url = running.enter_context(redis.served(program)).url
        urls = {
            "SQLite": f"sqlite:///{folder / 'counting'}.db",
            "PostgreSQL": postgres.make_database(server, "counting"),
        }
        print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, ", end="")
        print(f"{told.rounds} rounds of {told.requests} requests, one thread\n")
        for name, url in urls.items():
            config = replace(
                apps.configured(url, "inline", "http://127.0.0.1:9"), log_level="ERROR"
            )
            databases.migrate(config)
            requests = running.enter_context(requests_of(config, redis_url))
            print_table(f"{name}: a request", measure(requests, told.rounds, told.requests))
            counts = running.enter_context(counts_of(config, url))
            print_table(f"{name}: a count", measure(counts, told.rounds, told.requests))
        print(f"load average at the end {os.getloadavg()[0]:.1f}")


@contextmanager
def requests_of(config: Config, redis_url: str) -> Iterator[dict[str, Act]]:
    """The same view bare, in the service, limited, counted, and both; with memory and Redis."""
    bare = Flask("bare")
    bare.register_blueprint(a_product(counted=False))
    without = replace(config, rate_limit=f"{PLENTY}/minute")
    shared = replace(without, redis_url=redis_url)
    with ExitStack() as running:
        user_id = running.enter_context(a_counted_user(config))
        plain = running.enter_context(served(without, counted=False))
        memory = running.enter_context(served(without, counted=True))
        over_redis = running.enter_context(served(shared, counted=True))
        with plain.app_context():
            ask = partial(a_request, headers=auth(user_id))
        yield {
            "bare Flask": ask(bare, "/shop"),
            "in the service": ask(plain, "/shop"),
            "limited, memory": ask(plain, "/v1/shop"),
            "counted": ask(memory, "/shop"),
            "limited and counted, memory": ask(memory, "/v1/shop"),
            "limited and counted, Redis": ask(over_redis, "/v1/shop"),
        }


@contextmanager
def counts_of(config: Config, url: str) -> Iterator[dict[str, Act]]:
    """One row moved by the bare driver, and what the service does for one count."""
    with ExitStack() as running:
        user_id = running.enter_context(a_counted_user(config))
        app = create_app(config)
        running.callback(databases.close, app)
        running.enter_context(app.app_context())
        keys = count()
        yield {
            "bare UPDATE": running.enter_context(bare_update(url)),
            "increment_usage": lambda: increment_usage(user_id, Metric.JOBS_CREATED),
            "increment_usage with a key": lambda: increment_usage(
                user_id, Metric.JOBS_CREATED, key=f"{user_id} {next(keys)}"
            ),
        }


@contextmanager
def a_counted_user(config: Config) -> Iterator[UUID]:
    """A user with quotas that never end."""
    app = create_app(config)
    with app.app_context():
        a_plan("free", max_api_calls_per_day=PLENTY, max_jobs_per_month=PLENTY)
        user_id = a_user(email=None).id
        db.session.remove()
        yield user_id
    databases.close(app)


@contextmanager
def served(config: Config, *, counted: bool) -> Iterator[Flask]:
    """The service with a product beside it."""
    app = create_app(config)
    app.register_blueprint(a_product(counted=counted))
    yield app
    databases.close(app)


def a_product(*, counted: bool) -> Blueprint:
    """One view, outside the limited paths and inside."""
    shop = Blueprint("shop", __name__)
    if counted:
        count_requests(shop)

    @shop.get("/shop")
    @shop.get("/v1/shop")
    def view() -> str:
        return "ok"

    return shop


def a_request(app: Flask, path: str, headers: dict[str, str]) -> Act:
    """Ask over WSGI, as a server would, without its sockets."""
    known = EnvironBuilder(path=path, headers=headers).get_environ()

    def ask() -> None:
        statuses: list[str] = []
        answer = app(known | {"wsgi.input": BytesIO()}, lambda status, *_: statuses.append(status))
        b"".join(answer)
        answer.close()
        assert statuses == ["200 OK"], statuses

    return ask


@contextmanager
def bare_update(url: str) -> Iterator[Act]:
    """One conditional UPDATE of one row and its commit, as durable as the service."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(parsed.database or "", isolation_level=None)
        for pragma in apps.PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    else:
        address = parsed.set(drivername="postgresql").render_as_string()
        connection = psycopg.connect(address, autocommit=True)
    connection.execute(FLOOR)
    connection.execute("INSERT INTO counter VALUES (1, 0)")
    yield lambda: connection.execute(COUNT)
    connection.close()


def measure(acts: dict[str, Act], rounds: int, times: int) -> dict[str, list[Cell]]:
    """Run every act in every round, the first of them changing; a first round warms up."""
    names = list(acts)
    found: dict[str, list[Cell]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            cell = timed(acts[name], times if turn else max(1, times // 10))
            if turn:
                found[name].append(cell)
    return found


def timed(act: Act, times: int) -> Cell:
    """Do it many times over, with the collector's debts paid before."""
    gc.collect()
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(times):
        act()
    spent, took = time.process_time() - cpu, time.perf_counter() - began
    return Cell(spent / times * 1e6, times / took)


def print_table(title: str, found: dict[str, list[Cell]]) -> None:
    """Print medians, and the medians of what is held against the first row within a round."""
    floor = next(iter(found.values()))
    print(
        f"| {title} | CPU us | times the first | more than the first, us | a second | of its rate |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, cells in found.items():
        pairs = list(zip(cells, floor, strict=True))
        print(
            f"| {name} | {median(one.cpu_us for one in cells):.0f} "
            f"| {median(one.cpu_us / least.cpu_us for one, least in pairs):.1f} "
            f"| {median(one.cpu_us - least.cpu_us for one, least in pairs):.0f} "
            f"| {median(one.per_second for one in cells):.0f} "
            f"| {median(one.per_second / least.per_second for one, least in pairs):.2f} |"
        )
    print()


if __name__ == "__main__":
    main()
