"""What holds for every page? Its policy, and what its frame shows."""

from typing import Any

from flask import Response, g

from billing.api.headers import CONTENT_POLICY
from billing.pages import forms
from billing.settings import settings
from config import STRIPE_API, origin_of

STRIPE_PAGES = ("https://checkout.stripe.com", "https://billing.stripe.com")


def protect(response: Response) -> Response:
    """Keep the page out of caches, and let its forms lead to us and to Stripe's pages alone."""
    response.headers.setdefault("Cache-Control", "no-store")
    targets = " ".join(["'self'", *payment_origins()])
    response.headers["Content-Security-Policy"] = CONTENT_POLICY.replace(
        "form-action 'self'", f"form-action {targets}"
    )
    return response


def payment_origins() -> tuple[str, ...]:
    """Name where Stripe's pages are; the emulator has them all at its one address."""
    base = settings().stripe_api_base
    return STRIPE_PAGES if base == STRIPE_API else (origin_of(base),)


def context() -> dict[str, Any]:
    """Give every template the visitor and the token of its forms."""
    return {"visitor": g.visitor, "form_token": forms.token}
