"""docs/emulator.md tells of everything that is there."""

from dataclasses import fields
from pathlib import Path

from billing.emulator.faults import Faults
from billing.emulator.routes import ROUTES

PAGE = (Path(__file__).parents[2] / "docs/emulator.md").read_text()


def test_every_route_is_listed_and_no_other() -> None:
    served = {f"{route.method} {shown(route.path)}" for route in ROUTES}
    listed = {line[3:-1] for line in PAGE.splitlines() if line.startswith("- `")}

    assert listed == served


def shown(path: str) -> str:
    """Write a path as the documentation does."""
    return path.replace("<", "{").replace(">", "}")


def test_every_fault_is_listed() -> None:
    assert [fault.name for fault in fields(Faults) if f"`{fault.name}`" not in PAGE] == []
