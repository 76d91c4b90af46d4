"""Can the request body be read at all? JSON, of a sane size and depth; then it meets its schema."""

from typing import Any

from apiflask import HTTPError
from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from billing.errors import Invalid, Malformed, problem
from billing.web.reading import reading_body
from billing.web.text import refuse_unstorable

PREFIX = "/v1/"
BODY_CAP = 64 * 1024
LARGE_BODIES = {"product.record_usage": 512 * 1024}
"""Endpoints that take lists."""


def init_app(app: Flask) -> None:
    """Judge the bodies sent to the JSON API, and render what their schemas refuse."""
    app.before_request(refuse_unreadable)
    app.register_error_handler(HTTPError, schema_problem)


def refuse_unreadable() -> None:
    """Raise UnsupportedMediaType, RequestEntityTooLarge, Malformed or Invalid before any view."""
    if not request.path.startswith(PREFIX):
        return
    request.max_content_length = LARGE_BODIES.get(request.endpoint or "", BODY_CAP)
    if not reading_body(request.get_data):
        return
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as application/json.")
    try:
        document = request.get_json()
    except (BadRequest, RecursionError):
        raise Malformed("The body is not readable as JSON.") from None
    refuse_unstorable(document)


def schema_problem(error: HTTPError) -> Response:
    """Render what a schema refused: `errors` holds the faults of each field."""
    return problem(Invalid("The request does not fit its schema.", errors=_by_field(error.detail)))


def _by_field(detail: dict[str, Any]) -> dict[str, Any]:
    """Drop the outer level, which names where the fields stood (json, query, path)."""
    return {field: faults for place in detail.values() for field, faults in place.items()}
