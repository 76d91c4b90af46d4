"""What can go wrong for a caller, and the one function that says so (RFC 9457 problem+json)."""

import logging
import sqlite3
from http import HTTPStatus
from typing import Any

import psycopg
from flask import Flask, Response, g, json
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

log = logging.getLogger(__name__)

CODES = {
    400: "malformed_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}


class BillingError(Exception):
    """A fact that a caller should hear: a status, a stable code, a sentence, further members."""

    status = 500
    code = "internal_error"
    retry_after: int | None = None

    def __init__(self, detail: str, *, retry_after: int | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        if retry_after is not None:
            self.retry_after = retry_after


class Malformed(BillingError):
    """The request cannot be read at all."""

    status = 400
    code = "malformed_request"


class Unauthorized(BillingError):
    """No token, or one that does not hold."""

    status = 401
    code = "unauthorized"


class PaymentRequired(BillingError):
    """The step needs a payment that has not been made."""

    status = 402
    code = "payment_required"


class Forbidden(BillingError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(BillingError):
    """No such thing, or it is somebody else's: a caller cannot tell which."""

    status = 404
    code = "not_found"


class Conflict(BillingError):
    """The request contradicts what already is."""

    status = 409
    code = "conflict"


class BodyTooLarge(BillingError):
    """The body is over the cap."""

    status = 413
    code = "body_too_large"


class Invalid(BillingError):
    """The request can be read and one of its values is not acceptable."""

    status = 422
    code = "invalid"


class RateLimited(BillingError):
    """Too many requests in a window of time."""

    status = 429
    code = "rate_limited"


class QuotaExceeded(BillingError):
    """The plan's allowance for this metric is used up."""

    status = 429
    code = "quota_exceeded"


class DatabaseUnavailable(BillingError):
    """The database is locked or away; nothing was kept."""

    status = 503
    code = "database_unavailable"
    retry_after = 5


class StripeUnavailable(BillingError):
    """Stripe did not answer, or not in time; the same request may be sent again."""

    status = 503
    code = "stripe_unavailable"
    retry_after = 5


def is_database_away(error: Exception) -> bool:
    """Tell a lock or connection fault, which passes, from a fault of the statement."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return isinstance(error, OperationalError)
    return isinstance(
        error.orig,
        (
            psycopg.errors.LockNotAvailable,
            psycopg.errors.DeadlockDetected,
            psycopg.errors.QueryCanceled,
            psycopg.errors.OperatorIntervention,
            psycopg.OperationalError,
        ),
    )


def is_unmigrated(error: Exception) -> bool:
    """Check whether a statement failed because a table or a column is not there."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.OperationalError):
        return str(original).startswith(("no such table", "no such column"))
    return isinstance(original, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn)


def problem(error: BillingError) -> Response:
    """Render an error as problem+json: type, title, status, detail, code, and its facts."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        **error.facts,
    }
    response = Response(json.dumps(body), error.status, content_type="application/problem+json")
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def init_app(app: Flask) -> None:
    """Answer every error of the service in one shape."""
    app.register_error_handler(BillingError, problem)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(Exception, lambda error: problem(fact_of(error)))


def fact_of(error: Exception) -> BillingError:
    """Say what any error means for a caller; what nobody expected is logged here."""
    if isinstance(error, BillingError):
        return error
    if isinstance(error, HTTPException):
        return _http_fact(error)
    if is_database_away(error):
        log.warning("database away: %s", type(error).__name__)
        return DatabaseUnavailable("The database is busy or away; try again soon.")
    log.exception("unexpected fault request_id=%s", g.get("request_id", "-"))
    return BillingError("Something went wrong here; it has been logged.")


def _http_fact(error: HTTPException) -> BillingError:
    status = error.code or 500
    fact = BillingError(error.description or HTTPStatus(status).phrase)
    fact.status = status
    fact.code = CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    return fact


def _http_problem(error: HTTPException) -> Response:
    response = problem(_http_fact(error))
    for name in ("Allow", "Retry-After"):
        for value in error.get_response().headers.getlist(name):
            response.headers[name] = value
    return response
