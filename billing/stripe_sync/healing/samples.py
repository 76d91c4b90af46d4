"""The first of many things, kept, with a count of all of them: what is shown of a long walk."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

MOST = 1000


class Sample(list[T]):
    """A list that keeps the first thousand and counts the others, so that it never grows on."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @property
    def unshown(self) -> int:
        """Return how many were counted and not kept."""
        return self.total - len(self)

    def append(self, thing: T) -> None:
        """Count one more thing, and keep it if there is room."""
        self.total += 1
        if len(self) < MOST:
            super().append(thing)

    def extend(self, things: Iterable[T]) -> None:
        """Count more things, and keep those for which there is room."""
        for thing in things:
            self.append(thing)
