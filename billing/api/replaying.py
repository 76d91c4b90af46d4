"""How may a POST be sent again? With an `Idempotency-Key`: the first answer is given again."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, ParamSpec

from flask import Response, current_app, request

from billing.identity import caller
from billing.sales import replays
from billing.sales.replays import Answer, Attempt

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

P = ParamSpec("P")


def replayable(view: Callable[P, Any]) -> Callable[P, Response]:
    """Answer a request with a key once; what failed is not kept. Stands above the schemas.

    Raises Invalid, KeyReused, InProgress.
    """

    @wraps(view)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return current_app.make_response(view(*args, **kwargs))
        attempt = Attempt.of(caller().user_id, key, _fingerprint())
        earlier = replays.begin(attempt)
        if earlier is not None:
            return _replayed(earlier)
        try:
            response = current_app.make_response(view(*args, **kwargs))
        except BaseException:
            replays.forget(attempt)
            raise
        replays.keep(attempt, Answer(response.status_code, response.get_data(as_text=True)))
        return response

    return answered


def _fingerprint() -> str:
    asked = f"{request.method} {request.path} ".encode() + request.get_data()
    return sha256(asked).hexdigest()


def _replayed(answer: Answer) -> Response:
    response = Response(answer.body, answer.status, content_type="application/json")
    response.headers[REPLAYED] = "true"
    return response
