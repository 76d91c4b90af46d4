"""What is to go wrong, and how often?"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import Any

Drop = float | Collection[str] | Callable[[dict[str, Any]], bool]


@dataclass
class Faults:
    """Faults to inject; all off at first. Delays are in seconds."""

    duplicate: int = 0
    """How many extra times each event is delivered."""
    twins: int = 0
    """How many extra Event objects each change causes, with ids of their own."""
    silent: bool = False
    """Changes cause no event at all."""
    reorder: bool = False
    """Deliveries of a moment go out shuffled by `seed`."""
    seed: int = 0
    """What `reorder` and a fractional `drop` draw from."""
    drop: Drop = 0.0
    """The deliveries that are lost: a share, event types, or a predicate on the event."""
    delay: float = 0.0
    """How long each delivery waits."""
    hold: bool = False
    """Deliver nothing until `Emulator.release()`."""
    freeze_second: int | None = None
    """The Unix second in which every event is `created`."""
    api_status: list[int] = field(default_factory=list)
    """Statuses that the next API requests get instead of an answer."""
    api_reset: int = 0
    """How many of the next API connections are cut without an answer."""
    api_lost: int = 0
    """How many of the next API requests are performed but never answered."""
    forbidden: list[str] = field(default_factory=list)
    """The beginnings of paths, such as /v1/refunds, that restricted keys may not use."""
    api_delay: float = 0.0
    """How long each API answer takes more."""

    def change(self, wanted: dict[str, Any]) -> None:
        """Set faults by name; an unknown name is a ValueError."""
        names = {known.name for known in fields(self)}
        if strange := wanted.keys() - names:
            raise ValueError(f"no such fault: {', '.join(sorted(strange))}")
        for name, value in wanted.items():
            setattr(self, name, value)

    def clear(self) -> None:
        """Switch every fault off."""
        self.__init__()  # type: ignore[misc] # the defaults are written once, above

    def shown(self) -> dict[str, Any]:
        """Give the faults as JSON can hold them."""
        values = {known.name: getattr(self, known.name) for known in fields(self)}
        return {**values, "drop": "predicate" if callable(self.drop) else self.drop}
