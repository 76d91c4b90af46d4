"""Which objects belong to a list, and which of them to this page?"""

from collections.abc import Callable, Iterable
from typing import Any

from billing.emulator.account import Resource
from billing.emulator.errors import invalid, missing

Filters = dict[str, Callable[[Resource, Any], bool]]

PAGING = {"limit", "starting_after", "ending_before", "expand"}


def page(
    objects: Iterable[Resource], params: dict[str, Any], url: str, filters: Filters
) -> Resource:
    """Give one page of the objects that pass every filter, newest first."""
    chosen = [found for found in objects if belongs(found, params, filters)]
    return cut(list(reversed(chosen)), params, url)


def cut(objects: list[Resource], params: dict[str, Any], url: str) -> Resource:
    """Give the page that the cursors ask for, in the order given."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("This value must be between 1 and 100.", "limit")
    if after := params.get("starting_after"):
        objects = objects[position(objects, after, "starting_after") + 1 :]
    if before := params.get("ending_before"):
        objects = objects[: position(objects, before, "ending_before")]
        return listing(objects[-limit:], len(objects) > limit, url)
    return listing(objects[:limit], len(objects) > limit, url)


def listing(objects: list[Resource], has_more: bool, url: str) -> Resource:
    """Wrap objects as Stripe wraps a list."""
    return {"object": "list", "data": objects, "has_more": has_more, "url": url}


def position(objects: list[Resource], cursor: str, param: str) -> int:
    """Find where the cursor's object stands."""
    for index, found in enumerate(objects):
        if found["id"] == cursor:
            return index
    raise missing(objects[0]["object"] if objects else "object", cursor, param)


def belongs(found: Resource, params: dict[str, Any], filters: Filters) -> bool:
    """Say whether the object passes every filter that the request names."""
    if found.get("deleted"):
        return False
    return all(
        passes(found, name, wanted, filters)
        for name, wanted in params.items()
        if name not in PAGING
    )


def passes(found: Resource, name: str, wanted: Any, filters: Filters) -> bool:
    """Apply one filter: a named one, a range of moments, or plain equality."""
    if name in filters:
        return filters[name](found, wanted)
    if isinstance(wanted, dict):
        return within(found[name], wanted)
    return bool(found[name] == wanted)


def within(moment: int, bounds: dict[str, int]) -> bool:
    """Say whether a moment lies in a range of gt, gte, lt, lte."""
    return (
        moment > bounds.get("gt", moment - 1)
        and moment >= bounds.get("gte", moment)
        and moment < bounds.get("lt", moment + 1)
        and moment <= bounds.get("lte", moment)
    )
