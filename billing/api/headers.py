"""What may a browser do with our answers? As little as they need."""

from flask import Flask, Response

CONTENT_POLICY = "; ".join(
    [
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)


def init_app(app: Flask) -> None:
    """Add the headers to every answer, errors too."""
    app.after_request(protect)


def protect(response: Response) -> Response:
    """Forbid guessing of types and leaking of addresses; on pages also any foreign origin."""
    response.headers.add("X-Content-Type-Options", "nosniff")
    response.headers.add("Referrer-Policy", "no-referrer")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    return response


def forbid_storing(response: Response) -> Response:
    """Keep secrets out of every cache."""
    response.headers["Cache-Control"] = "no-store"
    return response
