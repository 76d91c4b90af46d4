"""Who may ask at all? Under /v1 nobody without a token, save where it says so here."""

from flask import Flask, request

from billing.api.bodies import PREFIX
from billing.identity import caller, service

PUBLIC = {
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "plans.list_plans",
    "plans.show_plan",
}
"""The endpoints under /v1 that strangers may use."""


FOR_BACKENDS = {"product", "feed"}
"""The blueprints that need a service key instead of a user's token."""


def init_app(app: Flask) -> None:
    """Ask for the token before the body is looked at. Call this after the limiter's init_app."""
    app.before_request(require_caller)


def require_caller() -> None:
    """Raise Unauthorized for a stranger; an unknown path stays a 404."""
    endpoint = request.endpoint
    if not endpoint or not request.path.startswith(PREFIX) or endpoint in PUBLIC:
        return
    if request.blueprint in FOR_BACKENDS:
        service()
    else:
        caller()
