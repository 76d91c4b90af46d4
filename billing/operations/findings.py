"""What can an examination find? A name, how grave it is, what was seen, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How grave a finding is. Only `fail` makes the whole examination fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `fix` is a command or a click, empty where all is well."""

    about: str
    grade: Grade
    seen: str
    fix: str = ""


def ok(about: str, seen: str) -> Finding:
    """All is well."""
    return Finding(about, Grade.OK, seen)


def warn(about: str, seen: str, fix: str) -> Finding:
    """Works, but somebody should look."""
    return Finding(about, Grade.WARN, seen, fix)


def fail(about: str, seen: str, fix: str) -> Finding:
    """Does not work."""
    return Finding(about, Grade.FAIL, seen, fix)
