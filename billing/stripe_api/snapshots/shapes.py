"""How are Stripe's values written? Ids or expanded objects, seconds, lists, and nothing at all.

What is absent, null, or of a type that Stripe never sends reads as None. What an object cannot be
without is asked for by `own_id`, `required` or `amount_in`, which raise Unreadable.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing import clock

Json = Mapping[str, Any]

LONGEST_WORD = 255
LAST_SECOND = 253_402_300_799  # of the year 9999
SMALL, LARGE = 2**31, 2**63


class Unreadable(ValueError):
    """The object lacks what it cannot be without; no part of it is kept."""


def word_of(value: object) -> str | None:
    """Read an id, a status, a key: printable and at most 255 characters, which Stripe promises."""
    is_word = isinstance(value, str) and 0 < len(value) <= LONGEST_WORD and value.isprintable()
    return str(value) if is_word else None


def id_of(value: object) -> str | None:
    """Read a reference: an id, or an expanded (even deleted) object, or null."""
    return word_of(value.get("id") if isinstance(value, Mapping) else value)


def text_of(value: object) -> str | None:
    """Read a text that says something, or null; what no database can hold is replaced."""
    if not isinstance(value, str) or not value:
        return None
    if value.isprintable():
        return value
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def seconds_of(value: object) -> int | None:
    """Read a moment in Stripe's whole seconds, or null."""
    return value if type(value) is int and 0 < value <= LAST_SECOND else None


def moment_of(value: object) -> datetime | None:
    """Read a moment, or null."""
    seconds = seconds_of(value)
    return None if seconds is None else clock.from_unix(seconds)


def count_of(value: object) -> int | None:
    """Read a whole number of things, or null."""
    return value if type(value) is int and -SMALL <= value < SMALL else None


def amount_of(value: object) -> int | None:
    """Read an amount in the currency's minor unit, as it came, or null."""
    return value if type(value) is int and -LARGE <= value < LARGE else None


def own_id(data: Json) -> str:
    """Read the id of the object itself. Raises Unreadable."""
    return required(data, "id")


def required(data: Json, name: str) -> str:
    """Read an id, an expanded object's id, or a word that must be there. Raises Unreadable."""
    found = id_of(data.get(name)) if isinstance(data, Mapping) else None
    if found is None:
        raise Unreadable(f"an object of Stripe's without a readable {name}")
    return found


def amount_in(data: Json, name: str) -> int:
    """Read an amount, 0 where the version does not tell it. Raises Unreadable."""
    found = amount_of(data.get(name) or 0)
    if found is None:
        raise Unreadable(f"{name} is no amount")
    return found


def part_of(data: Json, name: str) -> Json:
    """Read an object inside an object; absent, null or unexpanded is empty."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}


def list_of(data: Json, name: str) -> Sequence[Json]:
    """Read the members of an embedded list, whether wrapped as a list object or bare."""
    value = data.get(name)
    if isinstance(value, Mapping):
        value = value.get("data")
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def metadata_of(data: Json, key: str) -> str | None:
    """Read one entry of the object's metadata."""
    return text_of(part_of(data, "metadata").get(key))
