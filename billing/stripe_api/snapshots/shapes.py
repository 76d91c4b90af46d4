"""How are Stripe's values written? Ids or expanded objects, seconds, lists, and nothing at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing import clock

Json = Mapping[str, Any]


def id_of(value: object) -> str | None:
    """Read a reference: an id, or an expanded (even deleted) object, or null."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and value else None


def moment_of(value: object) -> datetime | None:
    """Read a moment in Stripe's whole seconds, or null."""
    return clock.from_unix(value) if isinstance(value, int) and value > 0 else None


def text_of(value: object) -> str | None:
    """Read a text that says something, or null."""
    return value if isinstance(value, str) and value else None


def count_of(value: object) -> int | None:
    """Read a whole number, or null."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
