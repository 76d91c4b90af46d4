"""Does Stripe do what the emulator does? One life in Stripe's test mode and one here, compared."""

import os
import sys
import time
from collections.abc import Iterator

import stripe

from billing.emulator import Emulator
from scripts.lifecycle import Json, Life, Step

STRIPE = "https://api.stripe.com"
SETTLE = {True: 6.0, False: 0.4}
"""Seconds without a further event that end a step: at Stripe, and on this machine."""

FACTS = {
    "customer": ("delinquent", "currency", "balance"),
    "subscription": (
        "status",
        "cancel_at_period_end",
        "cancel_at",
        "canceled_at",
        "ended_at",
        "trial_end",
        "start_date",
        "billing_cycle_anchor",
        "items.data[].quantity",
        "items.data[].current_period_start",
        "items.data[].current_period_end",
        "items.data[].price.unit_amount",
    ),
    "invoice": (
        "status",
        "billing_reason",
        "amount_due",
        "amount_paid",
        "total",
        "attempt_count",
        "attempted",
        "lines.data[].amount",
    ),
}
NEAR_SECONDS = 120
"""Moments as near as this are one: calls are made at slightly different times."""


def main() -> int:
    """Compare, and print every difference. Exit codes: 0 none, 1 some, 2 refused."""
    key = os.environ.get("STRIPE_SECRET_KEY", "")
    if not key.startswith(("sk_test_", "rk_test_")):
        said = "A live key is refused" if "_live_" in key else "A key is needed"
        print(f"{said}: set STRIPE_SECRET_KEY to one of test mode, sk_test_...", file=sys.stderr)
        return 2
    base = os.environ.get("STRIPE_API_BASE") or STRIPE
    start = int(time.time())
    print(f"A life at {base} ...", flush=True)
    there = live(key, base, start, SETTLE[base == STRIPE])
    print("The same life at the emulator ...", flush=True)
    emulator = Emulator()
    try:
        here = live("sk_test_emulator", emulator.serve(), start, SETTLE[False])
    finally:
        emulator.stop()
    found = list(differences(there, here))
    print("\n".join(found) if found else f"No difference in {len(here)} steps.")
    return 1 if found else 0


def live(key: str, base: str, start: int, settle: float) -> list[Step]:
    """Take every step there, telling of each."""
    steps = []
    client = stripe.StripeClient(key, base_addresses={"api": base}, max_network_retries=3)
    for step in Life(client, start, settle).steps():
        print(f"  {step.name}", flush=True)
        steps.append(step)
    return steps


def differences(there: list[Step], here: list[Step]) -> Iterator[str]:
    """Tell every difference, step by step: facts, events, then members of the objects."""
    shapes: set[str] = set()
    for theirs, ours in zip(there, here, strict=True):
        for kind, facts in FACTS.items():
            if kind in theirs.objects:
                yield from unequal_facts(theirs, ours, kind, facts)
                shapes |= unequal_shapes(kind, theirs.objects[kind], ours.objects[kind])
        for name in sorted(theirs.events.keys() | ours.events.keys()):
            if theirs.events[name] != ours.events[name]:
                told = f"{theirs.events[name]} at Stripe, {ours.events[name]} here"
                yield f"[{theirs.name}] event {name}: {told}"
    yield from sorted(shapes)


def unequal_facts(theirs: Step, ours: Step, kind: str, facts: tuple[str, ...]) -> Iterator[str]:
    """Tell the facts of one object that differ."""
    for fact in facts:
        values = [list(found(step.objects[kind], fact.split("."))) for step in (theirs, ours)]
        if not all_near(*values):
            yield f"[{theirs.name}] {kind}.{fact}: {values[0]} at Stripe, {values[1]} here"


def unequal_shapes(kind: str, theirs: Json, ours: Json) -> set[str]:
    """Name the members that only one of the two has."""
    there, here = set(paths(theirs)), set(paths(ours))
    missing = {f"[shape] {kind}.{path}: not here" for path in there - here}
    return missing | {f"[shape] {kind}.{path}: not at Stripe" for path in here - there}


def found(told: object, path: list[str]) -> Iterator[object]:
    """Follow a path; `name[]` goes on in every member of a list."""
    if not path:
        yield told
    elif isinstance(told, dict):
        name, *rest = path
        value = told.get(name.removesuffix("[]"))
        members = value if name.endswith("[]") and isinstance(value, list) else [value]
        for member in members:
            yield from found(member, rest)


def all_near(these: list[object], those: list[object]) -> bool:
    """Compare values one by one; numbers as large as moments may differ a little."""
    return len(these) == len(those) and all(map(near, these, those))


def near(one: object, other: object) -> bool:
    """Tell whether two values are one fact."""
    if isinstance(one, int) and isinstance(other, int) and min(one, other) > 1_000_000_000:
        return abs(one - other) <= NEAR_SECONDS
    return one == other


def paths(told: object, at: str = "") -> Iterator[str]:
    """Name every member; lists by their first member, metadata not at all."""
    if isinstance(told, dict):
        for name, value in told.items():
            where = f"{at}.{name}".lstrip(".")
            yield where
            if name != "metadata":
                yield from paths(value, where)
    elif isinstance(told, list) and told:
        yield from paths(told[0], f"{at}[]")


if __name__ == "__main__":
    sys.exit(main())
