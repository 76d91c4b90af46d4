"""How fast are events taken in? `python -m bench.ingest`, beside a floor, in one run."""

import argparse
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import apps, split
from bench.events import CUSTOMERS, Template, signed_request, template
from bench.load import CONNECTIONS, Cell, drive
from bench.processes import Target, cpu_seconds, served, stand_in
from billing import create_app
from billing.catalog import plans
from billing.catalog.seed import seed
from billing.database import db, transaction
from tests.support import databases, postgres

KINDS = {
    "SQLite": ("floor", "floor in turns", "record", "inline"),
    "PostgreSQL": ("floor", "record", "inline"),
}


@dataclass(frozen=True)
class Measured:
    """A cell and what the web process spent on each request."""

    cell: Cell
    cpu_ms: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000, help="in one cell")
    told = parser.parse_args()
    known = template()
    told_load = f"{os.getloadavg()[0]:.1f}"
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="bench-", dir="/tmp")))  # noqa: S108 - short, for sockets
        server = running.enter_context(postgres.served())
        stripe_url = running.enter_context(stand_in(known))
        urls = {
            f"{name} {kind}": url_of(name, kind, folder, server)
            for name, kinds in KINDS.items()
            for kind in (*kinds, "split")
        }
        for url in urls.values():
            prepare(url, stripe_url)
        targets = [
            running.enter_context(served(name, kind, urls[f"{name} {kind}"], stripe_url))
            for name, kinds in KINDS.items()
            for kind in kinds
        ]
        results = measure(targets, known, told.rounds, told.requests)
        print(
            f"{told.rounds} rounds of {told.requests} events of {len(known.event)} bytes,", end=" "
        )
        print(f"{CONNECTIONS} connections, load {told_load} at the start\n")
        print_table(results)
        for name in KINDS:
            config = apps.configured(urls[f"{name} split"], "inline", stripe_url)
            split.show(name, split.measure(config, known, told.requests // 4))


def url_of(name: str, kind: str, folder: Path, server: Path) -> str:
    """Name a database for one target alone."""
    if name == "SQLite":
        return f"sqlite:///{folder / kind}.db"
    return postgres.make_database(server, kind)


def prepare(url: str, stripe_url: str) -> None:
    """Migrate and seed a database."""
    config = apps.configured(url, "inline", stripe_url)
    databases.migrate(config)
    app = create_app(config)
    with app.app_context():
        with transaction():
            seed(plans.load(), "usd")
        db.engine.dispose()
    apps.make_floor_table(url)


def measure(
    targets: list[Target], known: Template, rounds: int, requests: int
) -> dict[Target, list[Measured]]:
    """Drive every target in every round; a first round makes the customers."""
    numbers = count(CUSTOMERS)
    found: dict[Target, list[Measured]] = {target: [] for target in targets}
    for turn in range(rounds + 1):
        for target in targets[turn % len(targets) :] + targets[: turn % len(targets)]:
            wanted = share_of(target, requests) if turn else CUSTOMERS
            bodies = [known.event_of(next(numbers)) for _ in range(wanted)]
            ready = [signed_request(f"127.0.0.1:{target.port}", body) for body in bodies]
            before = cpu_seconds(target.pid)
            cell = drive(target.port, ready)
            spent = (cpu_seconds(target.pid) - before) / wanted * 1000
            if turn:
                found[target].append(Measured(cell, spent))
            print(f"\r{turn}/{rounds} {target.database} {target.kind}   ", end="", file=sys.stderr)
    print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    return found


def share_of(target: Target, requests: int) -> int:
    """An event worked off in the request takes many times as long: fewer are enough."""
    return requests // 10 if target.kind == "inline" else requests


def print_table(results: dict[Target, list[Measured]]) -> None:
    """Print medians, and the median of the ratios within a round."""
    print("| database | path | events/s | of the floor | median ms | p99 ms | CPU ms an event |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    floors = {target.database: all_ for target, all_ in results.items() if target.kind == "floor"}
    for target, measured in results.items():
        pairs = zip(measured, floors[target.database], strict=True)
        ratio = median(one.cell.per_second / floor.cell.per_second for one, floor in pairs)
        print(
            f"| {target.database} | {target.kind} "
            f"| {median(one.cell.per_second for one in measured):.0f} | {ratio:.2f} "
            f"| {median(one.cell.median_ms for one in measured):.2f} "
            f"| {median(one.cell.p99_ms for one in measured):.2f} "
            f"| {median(one.cpu_ms for one in measured):.2f} |"
        )
    print()


if __name__ == "__main__":
    main()
