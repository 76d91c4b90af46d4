"""How are days drawn? As bars on a plane of our own units, which the page stretches."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.entitlements import UsageDay

STEP = 10
WIDTH = 8
HEIGHT = 100
LEAST = 1
"""A day with one call is still seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; `x` and `y` are of its upper left corner."""

    of: UsageDay
    x: int
    y: float
    height: float
    width: int = WIDTH


@dataclass(frozen=True, slots=True)
class Plot:
    """A plane and the bars of the days with calls on it; `busiest` reaches to the top."""

    width: int
    height: int
    bars: Sequence[Bar]
    days: Sequence[UsageDay]
    busiest: UsageDay
    total: int


def plotted(days: Sequence[UsageDay]) -> Plot:
    """Draw the days, of which there is at least one."""
    busiest = max(days, key=lambda one: one.calls)
    bars = [_bar(place, day, busiest.calls) for place, day in enumerate(days) if day.calls]
    total = sum(one.calls for one in days)
    return Plot(len(days) * STEP, HEIGHT, bars, days, busiest, total)


def _bar(place: int, day: UsageDay, most: int) -> Bar:
    height = max(LEAST, round(HEIGHT * day.calls / most, 1))
    return Bar(day, place * STEP + (STEP - WIDTH) // 2, round(HEIGHT - height, 1), height)
