"""How many requests did a user make to the product? Counted against `api_calls`, once each."""

import logging
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, g

from billing.entitlements.counting import count_usage, give_back
from billing.errors import fact_of
from billing.models import Metric

log = logging.getLogger(__name__)

UNCOUNTED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}


def count_requests(routes: Blueprint) -> None:
    """Count the requests of users to these routes of a product; call it before registering them.

    Without room the view does not run: 429 `quota_exceeded`. An answer of 401, 429 or from 500 on
    takes the count back. A stranger's request counts for nobody; whether it may be made, the view
    says.
    """
    routes.before_request(_claim)
    routes.after_request(_settle)


def _claim() -> None:
    if g.caller is not None and not _is_counted():
        count_usage(g.caller.user_id, Metric.API_CALLS)
        g.request_counted = True


def _settle(response: Response) -> Response:
    """Count what was refused before it could be claimed; take back what must not count."""
    if g.caller is not None and _is_counted() != _counts(response.status_code):
        _correct(g.caller.user_id, counts=not _is_counted())
        g.request_counted = not _is_counted()
    return response


def _correct(user_id: UUID, *, counts: bool) -> None:
    """Bring the count in line with the answer, which is made and goes out whatever happens."""
    try:
        if counts:
            count_usage(user_id, Metric.API_CALLS)
        else:
            give_back(user_id, Metric.API_CALLS)
    except Exception as error:
        fact = fact_of(error)
        log.info("user=%s outcome=left_as_counted code=%s", user_id, fact.code)


def _is_counted() -> bool:
    return bool(g.get("request_counted"))


def _counts(status: int) -> bool:
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in UNCOUNTED
