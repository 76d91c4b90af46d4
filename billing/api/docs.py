"""How does a person read the OpenAPI document? As one page, made here, that loads nothing else."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template

from billing.api import openapi
from billing.api.openapi import Document

docs = Blueprint("docs", __name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a value in words, and the schema that it names."""

    words: str
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object, or one parameter."""

    name: str
    kind: Kind
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which an operation may end."""

    status: str
    description: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    parameters: list[Member]
    body: Kind | None
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Shape:
    """A named schema."""

    name: str
    description: str
    members: list[Member]


@docs.get("/docs")
def page() -> str:
    """Show every operation and every schema."""
    document = openapi.document()
    return render_template(
        "docs.html",
        info=document["info"],
        chapters=chapters(document),
        shapes=shapes(document),
    )


def chapters(document: Document) -> dict[str, list[Operation]]:
    """Gather the operations by tag, in the order of the tags."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            for tag in operation["tags"]:
                found[tag].append(operation_of(method, path, operation))
    return found


def operation_of(method: str, path: str, operation: Document) -> Operation:
    """Read one operation."""
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        needs_token=operation.get("security") != [],
        parameters=[parameter_of(parameter) for parameter in operation["parameters"]],
        body=_content_kind(operation.get("requestBody", {})),
        answers=[
            Answer(status, answer["description"], _content_kind(answer))
            for status, answer in sorted(operation["responses"].items())
        ],
    )


def parameter_of(parameter: Document) -> Member:
    """Read one parameter of a path, query or header."""
    return Member(
        name=parameter["name"],
        kind=kind_of(parameter["schema"]),
        is_required=parameter.get("required", False),
        description=f"in the {parameter['in']}",
    )


def shapes(document: Document) -> list[Shape]:
    """Read every named schema, in the order of the alphabet."""
    return [
        Shape(name, schema.get("description", ""), members_of(schema))
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def members_of(schema: Document) -> list[Member]:
    """Read the members of an object's schema."""
    required = schema.get("required", [])
    return [
        Member(name, kind_of(member), name in required, member.get("description", ""))
        for name, member in schema.get("properties", {}).items()
    ]


def kind_of(schema: Document) -> Kind:
    """Put a schema's type into words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Kind(name, name)
    if schema.get("type") == "array":
        item = kind_of(schema["items"])
        return Kind(f"list of {item.words}", item.schema)
    choices = schema.get("anyOf") or schema.get("allOf") or schema.get("oneOf")
    if choices:
        kinds = [kind_of(choice) for choice in choices]
        named = next((kind.schema for kind in kinds if kind.schema), None)
        return Kind(" or ".join(kind.words for kind in kinds), named)
    return Kind(_plain_words(schema))


def _plain_words(schema: Document) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    types = schema.get("type", "any")
    words = " or ".join(types) if isinstance(types, list) else types
    return f"{words} ({schema['format']})" if "format" in schema else words


def _content_kind(holder: dict[str, Any]) -> Kind | None:
    for content in holder.get("content", {}).values():
        return kind_of(content["schema"])
    return None
