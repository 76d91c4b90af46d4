"""What may a browser do with our answers? As little as they need."""

from flask import Response, request

from billing.service import Service
from billing.settings import settings

CONTENT_POLICY = "; ".join(
    [
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)


API = "/v1/"
HTTPS_SECONDS = 31_536_000


def init_app(app: Service) -> None:
    """Add the headers to every answer: errors, and answers to events, too."""
    app.after_every_request(protect)


def protect(response: Response) -> Response:
    """Forbid guessing of types and leaking of addresses; on pages also any foreign origin.

    No cache keeps an answer of the API, save where the view says how. Behind https a browser is
    told never to come back without it.
    """
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if settings().app_url.startswith("https:"):
        response.headers["Strict-Transport-Security"] = f"max-age={HTTPS_SECONDS}"
    if request.path.startswith(API):
        response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    return response


def forbid_storing(response: Response) -> Response:
    """Keep secrets out of every cache."""
    response.headers["Cache-Control"] = "no-store"
    return response
