"""Which request was it? One id in the answer, in errors and in the log."""

import re
import secrets

from flask import Response, g, request

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9_.-]{8,64}")


def identify() -> None:
    """Take the id that the proxy or the caller gave, if it is fit for a log; else make one."""
    given = request.headers.get(HEADER)
    g.request_id = given if given and SANE.fullmatch(given) else secrets.token_hex(16)


def echo(response: Response) -> Response:
    """Tell the caller the id."""
    response.headers[HEADER] = g.request_id
    return response
