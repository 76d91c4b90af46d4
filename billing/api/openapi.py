"""What does the service offer? One OpenAPI 3.1 document, made from the views and completed here."""

import warnings
from copy import deepcopy
from http import HTTPStatus
from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, current_app, json

from billing.api import guard
from billing.api.bodies import PREFIX
from billing.settings import settings

EXTENSION = "billing_openapi"
REPLAYABLE = f"{PREFIX}subscription/"
Document = dict[str, Any]

openapi = Blueprint("openapi", __name__)


def init_app(app: APIFlask) -> None:
    """Set how the document is made."""
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["AUTO_OPERATION_ID"] = True
    for automatic in ("VALIDATION_ERROR", "404", "AUTH_ERROR"):  # not in our shape
        app.config[f"AUTO_{automatic}_RESPONSE"] = False
    app.config["AUTO_SERVERS"] = False  # it would believe the Host header of the first request
    app.description = "Plans, subscriptions, quotas and usage, kept true to Stripe."
    app.register_blueprint(openapi)


@openapi.get("/openapi.json")
def show() -> Document:
    """Answer with the document."""
    return document()


def document() -> Document:
    """Return the document of the running application, made at the first call."""
    made = current_app.extensions.get(EXTENSION)
    if made is None:
        made = current_app.extensions[EXTENSION] = complete(without_twins(_described_by_views()))
    return cast(Document, made)


def _described_by_views() -> Document:
    with warnings.catch_warnings():
        # A schema used alone and inside another is written twice; `without_twins` mends it.
        warnings.filterwarnings("ignore", ".*has already been added to the spec", UserWarning)
        return cast(Document, cast(APIFlask, current_app).spec)


def without_twins(made: Document) -> Document:
    """Keep one of each schema that was written twice, the second under a numbered name."""
    schemas = made["components"]["schemas"]
    text = json.dumps(made)
    for name in schemas:
        first = name.rstrip("0123456789")
        if first != name and schemas.get(first) == schemas[name]:
            text = text.replace(f'schemas/{name}"', f'schemas/{first}"')
            text = text.replace(f'"{name}": {{', f'"{first}": {{')
    return cast(Document, json.loads(text))


def complete(made: Document) -> Document:
    """Add what the views do not say themselves: tokens, errors, and the way in for Stripe."""
    made["servers"] = [{"url": settings().app_url}]
    made["security"] = [{"bearer": []}]
    made["tags"].append({"name": "Stripe"})
    made["paths"]["/webhooks/stripe"] = {"post": deepcopy(WEBHOOK)}
    components = made["components"]
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    components["schemas"]["Problem"] = PROBLEM
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            complete_operation(path, operation)
            if method == "post" and path.startswith(REPLAYABLE):
                operation["parameters"].append(IDEMPOTENCY_KEY)
    return made


def complete_operation(path: str, operation: Document) -> None:
    """Say whether a token is needed, and which errors may come."""
    if is_public(path, operation):
        operation["security"] = []
    operation.setdefault("description", "")
    responses = operation["responses"]
    for status in error_statuses(path, operation):
        responses.setdefault(str(int(status)), {"description": status.phrase})
    for status, answer in responses.items():
        if status >= "400":
            answer["content"] = PROBLEM_CONTENT


def error_statuses(path: str, operation: Document) -> list[HTTPStatus]:
    """Derive the errors from what the operation takes."""
    found = [HTTPStatus.SERVICE_UNAVAILABLE] if path != "/healthz" else []
    if not is_public(path, operation):
        found.append(HTTPStatus.UNAUTHORIZED)
    if "{" in path:
        found.append(HTTPStatus.NOT_FOUND)
    if path.startswith(PREFIX):
        found.append(HTTPStatus.TOO_MANY_REQUESTS)
    if "requestBody" in operation:
        found += [HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    if "requestBody" in operation and path.startswith(PREFIX):
        found += [HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY]
    return found


def is_public(path: str, operation: Document) -> bool:
    """Tell whether strangers may use the operation; its id ends in the name of its endpoint."""
    endpoint = operation["operationId"].partition("_")[2]
    public = {name.replace(".", "_") for name in guard.PUBLIC}
    return not path.startswith(PREFIX) or endpoint in public


PROBLEM_CONTENT: Document = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}

PROBLEM: Document = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is stable; further members tell the facts.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["quota_exceeded"]},
        "detail": {"type": "string"},
        "errors": {"type": "object", "description": "By field, where the schema refused it."},
    },
    "required": ["type", "title", "status", "code", "detail"],
    "additionalProperties": True,
}

IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again within a day, the first answer is given again. 409 `in_progress`, "
    "`idempotency_key_reused`.",
    "schema": {"type": "string", "maxLength": 255},
}

WEBHOOK: Document = {
    "tags": ["Stripe"],
    "operationId": "post_webhooks_stripe",
    "summary": "Take a signed event in.",
    "description": "For Stripe alone: 200 means that the event is kept and need not come again.",
    "parameters": [
        {
            "name": "Stripe-Signature",
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    "responses": {"200": {"description": "The event is durable here."}},
}
