"""Which ids of an answer are to be replaced by their objects?"""

from collections.abc import Callable
from typing import Any

from billing.emulator.account import Account, Resource
from billing.emulator.errors import invalid

MAX_DEPTH = 4

Include = Callable[[Account, Resource], Any]
INCLUDES: dict[tuple[str, str], Include] = {}


def included_in(kind: str, name: str) -> Callable[[Include], Include]:
    """Register a field that an object carries only when asked to."""

    def register(include: Include) -> Include:
        INCLUDES[kind, name] = include
        return include

    return register


def expand(account: Account, shown: Resource, paths: list[str]) -> Resource:
    """Expand every path in an answer that is already a copy; refuse what cannot be expanded."""
    for path in paths:
        names = path.split(".")
        if len(names) - (names[0] == "data") > MAX_DEPTH:
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels: {path}", "expand")
        follow(account, shown, names, path)
    return shown


def follow(account: Account, node: Any, names: list[str], path: str) -> None:
    """Walk one path down, through every element of a list."""
    if isinstance(node, list):
        for element in node:
            follow(account, element, names, path)
    elif isinstance(node, dict) and names and not node.get("deleted"):
        name = names[0]
        node[name] = unfold(account, node, name, path)
        follow(account, node[name], names[1:], path)


def unfold(account: Account, node: Resource, name: str, path: str) -> Any:
    """Give what stands behind one field: an object, objects, or what was there already."""
    if include := INCLUDES.get((node.get("object", ""), name)):
        return include(account, node)
    if name not in node:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    return behind(account, node[name])


def behind(account: Account, value: Any) -> Any:
    """Replace an id by a copy of its object."""
    if isinstance(value, list):
        return [behind(account, element) for element in value]
    found = account.anything(value) if isinstance(value, str) else None
    return account.view(found) if found else value
