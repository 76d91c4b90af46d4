"""Has the answer changed since the caller last saw it? If not, 304 and no body."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue

P = ParamSpec("P")


def conditional(view: Callable[P, ResponseReturnValue]) -> Callable[P, Response]:
    """Tag the answer by its bytes (a strong ETag) and honour If-None-Match.

    It stands above `output`: what is compared is what the caller would get at this moment.
    """

    @wraps(view)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        response = make_response(view(*args, **kwargs))
        response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
        response.headers["Cache-Control"] = "private, no-cache"
        response.vary.add("Authorization")
        response.make_conditional(request)
        return response

    return answered
