"""What do we read from our own samples of each API version? Written down in docs/shapes.md.

`python -m tests.stripe_api.readings` writes the tables anew; whoever runs it reads the difference.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from billing.stripe_api import snapshots

FIXTURES = Path(__file__).parent / "fixtures"
DOCUMENT = Path(__file__).parents[2] / "docs" / "shapes.md"
BEGIN = "<!-- tables -->"

READERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "subscription": snapshots.SubscriptionSnapshot.from_stripe,
    "price": snapshots.PriceSnapshot.from_stripe,
    "plan": snapshots.PriceSnapshot.from_stripe,
    "product": snapshots.ProductSnapshot.from_stripe,
    "customer": snapshots.CustomerSnapshot.from_stripe,
    "test_clock": snapshots.ClockSnapshot.from_stripe,
    "invoice": snapshots.InvoiceSnapshot.from_stripe,
    "invoice_payment": snapshots.InvoicePaymentSnapshot.from_stripe,
    "checkout": snapshots.CheckoutSnapshot.from_stripe,
    "charge": snapshots.ChargeSnapshot.from_stripe,
    "dispute": snapshots.DisputeSnapshot.from_stripe,
    "fraud_warning": snapshots.FraudWarningSnapshot.from_stripe,
    "schedule": snapshots.ScheduleSnapshot.from_stripe,
    "entitlements": snapshots.EntitlementSummary.from_stripe,
}


@dataclass(frozen=True)
class Sample:
    """One object of ours, in the shape of an API version."""

    version: str
    family: str
    title: str
    text: str

    @property
    def data(self) -> dict[str, Any]:
        """The object, made anew: a test may change it."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def read(self) -> Any:
        """The snapshot of it."""
        return READERS[self.family](self.data)


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, by version."""
    return tuple(_sample(path) for path in sorted(FIXTURES.glob("*/*.json")))


def sample(version: str, family: str, title: str) -> Sample:
    """The sample of that name."""
    return _sample(FIXTURES / version / f"{family}-{title}.json")


def tables() -> str:
    """A table for each family: the version, the sample, and everything that was read."""
    return "\n".join(_table(family) for family in READERS)


def _sample(path: Path) -> Sample:
    family, _, title = path.stem.partition("-")
    return Sample(path.parent.name, family, title, path.read_text())


def _table(family: str) -> str:
    head = [f"## {family}", "", "| API version | sample | read as |", "| --- | --- | --- |"]
    rows = [
        f"| {one.version} | {one.title.replace('_', ' ')} | {_written(one.read())} |"
        for one in samples()
        if one.family == family
    ]
    return "\n".join([*head, *rows, ""])


def _written(value: Any) -> str:
    if is_dataclass(value):
        told = {field.name: getattr(value, field.name) for field in fields(value)}
        said = {name: one for name, one in told.items() if one not in (None, False, (), "")}
        return ", ".join(
            name if one is True else f"{name} {_written(one)}" for name, one in said.items()
        )
    if isinstance(value, tuple):
        return " + ".join(f"[{_written(one)}]" for one in value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"`{value}`"


if __name__ == "__main__":
    prose = DOCUMENT.read_text().split(BEGIN)[0]
    DOCUMENT.write_text(f"{prose}{BEGIN}\n\n{tables()}")
