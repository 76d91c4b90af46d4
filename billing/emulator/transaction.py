"""What did one atomic change do so far, and how is it taken back?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Cause:
    """The API request behind a change; empty when Stripe itself acts."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(slots=True)
class Transaction:
    """The changes of one `Account.atomic()`, and the deliveries to announce after it."""

    cause: Cause
    undo: list[Callable[[], None]] = field(default_factory=list)
    touched: dict[str, dict[str, Any]] = field(default_factory=dict)
    deliveries: list[str] = field(default_factory=list)

    def unwind(self) -> None:
        """Take every change back, the last one first."""
        for take_back in reversed(self.undo):
            take_back()


def restore(changed: dict[str, Any], before: dict[str, Any]) -> None:
    """Bring a mapping back to what it was, in its old order."""
    changed.clear()
    changed.update(before)
