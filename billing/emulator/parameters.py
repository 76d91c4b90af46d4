"""Does a request say only what the route understands? The SDK's own parameter types decide."""

import re
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, NotRequired, Required, Union

import typing_extensions
from stripe import RequestOptions

from billing.emulator.errors import ApiError, invalid, missing_parameter, unknown_parameter

type_names = {int: "integer", float: "number", bool: "boolean", Decimal: "decimal"}


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Unfold form keys with brackets into nested mappings; `a[]` counts up."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        *branches, leaf = [key.partition("[")[0], *re.findall(r"\[([^\]]*)\]", key)]
        node = tree
        for branch in branches:
            node = node.setdefault(branch, {})
            if not isinstance(node, dict):
                raise invalid(f"Invalid form: {key}", key)
        node[leaf or str(len(node))] = value
    return tree


def read(accepts: Any, raw: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the parameters with their types; refuse unknown, missing and malformed ones."""
    fields = fields_of(accepts)
    for name in raw:
        if name not in fields:
            raise unknown_parameter(inside(path, name))
    for name in required_of(accepts):
        if name not in raw:
            raise missing_parameter(inside(path, name))
    return {name: convert(fields[name], value, inside(path, name)) for name, value in raw.items()}


@cache
def fields_of(accepts: Any) -> dict[str, Any]:
    """Map each parameter of an SDK type to its resolved annotation, request options left out."""
    # The SDK's RequestOptions names these in its own module only.
    elsewhere = {"StripeContext": str, "Mapping": Mapping}
    hints = typing_extensions.get_type_hints(accepts, localns=elsewhere)
    return {name: hint for name, hint in hints.items() if name not in options()}


@cache
def options() -> frozenset[str]:
    """Name what the SDK keeps for itself (keys, retries) and never sends as a parameter."""
    return frozenset(RequestOptions.__annotations__)


def required_of(accepts: Any) -> list[str]:
    """Name the parameters without which the request means nothing."""
    return sorted(accepts.__required_keys__ - options())


def convert(hint: Any, raw: Any, path: str) -> Any:
    """Turn one form value into what its annotation asks for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (NotRequired, Required):
        return convert(arguments[0], raw, path)
    if origin is Union or type(hint).__name__ == "UnionType":
        return convert_union(arguments, raw, path)
    if origin is Literal:
        return convert_literal(arguments, raw, path)
    if origin is list:
        return convert_list(arguments[0], raw, path)
    if typing_extensions.is_typeddict(hint):
        return read(hint, expect_mapping(raw, path), path)
    if isinstance(raw, dict):
        return convert_mapping(origin, arguments, raw, path)
    return convert_scalar(hint, raw, path)


def convert_union(choices: tuple[Any, ...], raw: Any, path: str) -> Any:
    """Take the first choice that reads the value; the last refusal is the one that is told."""
    refusal: ApiError | None = None
    for choice in sorted(choices, key=lambda choice: choice is str):
        try:
            return convert(choice, raw, path)
        except ApiError as error:
            specific = error.members.get("code") in ("parameter_unknown", "parameter_missing")
            refusal = error if refusal is None or specific else refusal
    raise refusal or invalid(f"Invalid value for {path}.", path)


def convert_literal(known: tuple[Any, ...], raw: Any, path: str) -> Any:
    """Accept one of the known words."""
    if raw in known:
        return raw
    raise invalid(f"Invalid {path}: must be one of {', '.join(map(str, known))}", path)


def convert_list(element: Any, raw: Any, path: str) -> list[Any]:
    """Read an indexed mapping as a list."""
    entries = expect_mapping(raw, path)
    if not all(index.isdigit() for index in entries):
        raise invalid(f"Invalid array: {path}", path)
    return [
        convert(element, entries[index], f"{path}[{index}]") for index in sorted(entries, key=int)
    ]


def convert_mapping(origin: Any, arguments: Any, raw: dict[str, Any], path: str) -> dict[str, Any]:
    """Read a free mapping such as metadata."""
    if origin is None:
        raise invalid(f"Invalid value for {path}.", path)
    return {key: convert(arguments[-1], value, inside(path, key)) for key, value in raw.items()}


def convert_scalar(hint: Any, raw: Any, path: str) -> Any:
    """Read one text as the number, flag or text that is wanted."""
    try:
        if hint is bool:
            return {"true": True, "false": False}[raw]
        if hint is Decimal:
            return str(Decimal(raw))
        if hint in (int, float):
            return hint(raw)
    except (KeyError, ValueError, InvalidOperation):
        raise invalid(f"Invalid {type_names[hint]}: {raw}", path) from None
    if hint is str or hint is Any:
        return raw
    raise invalid(f"Invalid value for {path}.", path)


def expect_mapping(raw: Any, path: str) -> dict[str, Any]:
    """Refuse a bare text where brackets are wanted."""
    if isinstance(raw, dict):
        return raw
    raise invalid(f"Invalid object: {path}", path)


def inside(path: str, name: str) -> str:
    """Name a parameter as Stripe does: items[0][price]."""
    return f"{path}[{name}]" if path else name
