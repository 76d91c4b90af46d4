"""How often may this be asked? One budget a user over all endpoints, and a few of their own.

A limit protects the service and may fail open; a quota is a promise and does not.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from flask import Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded, RequestLimit
from werkzeug.exceptions import BadRequest

from billing import clock
from billing.api.bodies import BODY_CAP, PREFIX
from billing.entitlements.facts import PlansMissing
from billing.entitlements.rate_limits import rate_of, scaled
from billing.entitlements.standing import standing_of
from billing.errors import NotFound, RateLimited, problem
from billing.identity import callers, devices
from billing.identity.browsers import PAGES
from billing.operations.limit_storage import SHARED
from billing.operations.process_storage import ALONE
from billing.settings import settings
from billing.web.addresses import network_of
from config import Config

STRATEGY = "fixed-window"
POLL = {"subscriptions.show_subscription"}
BY_ACCOUNT = {
    "auth.register",
    "auth.login",
    "pages.signing_in.register",
    "pages.signing_in.sign_in",
}
WHOLE_ACCOUNT = Decimal(10)
"""How many times the rate of one address all addresses together may try to enter one account."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A rate, and who shares it: all requests of one scope and key."""

    scope: str
    key: str
    rate: str


class BudgetLimiter(Limiter):
    """Looks at requests that spend something; Stripe's events, health and documents do not."""

    def _check_request_limit(self, *args: Any, **kwargs: Any) -> None:
        if g.budgets:  # the filter for this in the extension is asked after most of its work
            super()._check_request_limit(*args, **kwargs)


def init_app(app: Flask, config: Config) -> None:
    """Limit the JSON API. Call this after identity's init_app: a budget belongs to a caller."""
    limiter = BudgetLimiter(
        _address,
        application_limits=[_slot(0), _slot(1)],
        strategy=STRATEGY,
        storage_uri=f"{SHARED}{config.redis_url}" if config.redis_url else ALONE,
        key_prefix=f"billing:{STRATEGY}",  # a live Redis must not mix the keys of two strategies
    )
    # Asked here and not by the limiter, which takes any error for a fault of its storage.
    app.before_request(choose_budgets)
    limiter.init_app(app)
    app.after_request(partial(_tell, limiter))
    app.register_error_handler(RateLimitExceeded, partial(_refuse, limiter))


def choose_budgets() -> None:
    """Decide which budgets this request spends: two at most, none outside of the API."""
    is_api = request.path.startswith(PREFIX) and request.endpoint is not None
    limited = is_api or PAGES in request.blueprints
    g.budgets = budgets_of(request.endpoint or "") if limited else []


def budgets_of(endpoint: str) -> list[Budget]:
    """Return the budgets: logging in by address and account, all else by user, or by address.

    A backend of ours, known by its service key, has none: what it does is counted by quotas. To
    log in it has the same as anybody else, since a password is what protects an account.
    """
    config = settings()
    if endpoint in BY_ACCOUNT:
        return _login_budgets(config.auth_limit)
    if g.service is not None:
        return []
    known = g.caller or g.visitor
    if known is None:
        return [Budget("public", _address(), config.rate_limit)]
    scope, base = ("poll", config.poll_limit) if endpoint in POLL else ("api", config.rate_limit)
    return [Budget(scope, str(known.user_id), _rate(known.user_id, scope, base))]


def _login_budgets(rate: str) -> list[Budget]:
    """Return the budget of the account's own devices, or those of the address and the account.

    A stranger's wrong guesses so use up the stranger's address, not the account of the owner.
    """
    account = _account()
    if account is None:
        return [Budget("auth", _address(), rate)]
    if devices.is_known(account):
        return [Budget("device", account, rate)]
    wide = Budget("account", account, scaled(rate, WHOLE_ACCOUNT))
    return [Budget("auth", _address(), rate), wide]


def _rate(user_id: UUID, scope: str, base: str) -> str:
    try:
        plan = standing_of(user_id).plan
    except NotFound:
        callers.forget_deleted()
        return base
    except PlansMissing:  # the view will say so, in its own words
        return base
    return (plan.rate_limits.get(scope) or base) if scope == "poll" else rate_of(plan, scope, base)


def _slot(number: int) -> ApplicationLimit:
    """Let the limiter count the n-th budget of the request, if there is one."""
    return ApplicationLimit(
        lambda: _budgets()[number].rate if number < len(_budgets()) else "",
        key_function=lambda: _budgets()[number].key,
        scope=lambda _: _budgets()[number].scope,
    )


def _budgets() -> list[Budget]:
    chosen: list[Budget] = g.budgets
    return chosen


def _address() -> str:
    return network_of(request.remote_addr or "")


def _account() -> str | None:
    """Name the account that a body is about, without its address in the clear."""
    request.max_content_length = BODY_CAP
    request.get_data()  # kept, so that reading it as a form leaves it for whoever comes next
    try:
        body = request.get_json(silent=True) if request.is_json else request.form
    except (BadRequest, RecursionError):
        return None
    email = body.get("email") if isinstance(body, Mapping) else None
    if not isinstance(email, str):
        return None
    return devices.account_hash(email)


def _tell(limiter: Limiter, response: Response) -> Response:
    """Tell what is left of the budget that is nearest to its end."""
    told = [_headers(limit) for limit in limiter.current_limits]
    if told:
        response.headers.update(min(told, key=lambda one: one["RateLimit-Remaining"]))
    return response


def _refuse(limiter: Limiter, _: RateLimitExceeded) -> Response:
    limit = limiter.current_limit
    seconds = _headers(limit)["RateLimit-Reset"] if limit else 1
    return problem(RateLimited("Too many requests; wait a little.", retry_after=max(1, seconds)))


def _headers(limit: RequestLimit) -> dict[str, int]:
    return {
        "RateLimit-Limit": limit.limit.amount,
        "RateLimit-Remaining": max(0, limit.remaining),
        "RateLimit-Reset": max(0, math.ceil(limit.window.reset_time - clock.utc_now().timestamp())),
    }
