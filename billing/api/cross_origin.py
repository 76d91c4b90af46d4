"""Which pages elsewhere may poll us? Those on allowed origins, with a token, and only to read."""

from flask import Flask, Response, request

from billing.settings import settings

READABLE = {"subscriptions.show_subscription", "checkout.show_checkout"}
"""The endpoints that a frontend polls from its own origin."""

SCRIPT = "/static/billing.js"
"""The file that shows it how."""

EXPOSED = "ETag, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id"
ASKED = "Authorization, If-None-Match"
REMEMBERED_SECONDS = 600


def init_app(app: Flask) -> None:
    """Answer the browser's question beforehand, and mark the answers. Call this before guards."""
    app.before_request(answer_preflight)
    app.after_request(share)


def answer_preflight() -> Response | None:
    """Tell a browser what its page may send: it asks without the token."""
    if request.method != "OPTIONS" or not is_readable():
        return None
    response = Response(status=204)
    if is_allowed():
        response.headers["Access-Control-Allow-Methods"] = "GET"
        response.headers["Access-Control-Allow-Headers"] = ASKED
        response.headers["Access-Control-Max-Age"] = str(REMEMBERED_SECONDS)
    return response


def share(response: Response) -> Response:
    """Let a page of an allowed origin read the answer, errors too. No cookie is ever taken."""
    if not is_readable():
        return response
    response.vary.add("Origin")
    if is_allowed():
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def is_readable() -> bool:
    """Tell whether this endpoint is polled from elsewhere."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        return False
    return request.endpoint in READABLE or request.path == SCRIPT


def is_allowed() -> bool:
    """Tell whether the page that asks is on an allowed origin."""
    return request.headers.get("Origin", "") in settings().return_origins
