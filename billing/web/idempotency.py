"""Requests sent again under an `Idempotency-Key`: the first answer is given again."""

import logging
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any, ParamSpec

from flask import Response, current_app, g, request

from billing.errors import fact_of
from billing.identity import caller
from billing.web import idempotency_keys
from billing.web.idempotency_keys import Answer, Attempt

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
NOT_KEPT = {"Content-Length", "Set-Cookie"}
LARGEST_BODY = 1_048_576
"""Bytes of an answer that are kept."""

P = ParamSpec("P")


def replayable(view: Callable[P, Any]) -> Callable[P, Response]:
    """Run the view once for each key. Stands above the schemas."""

    @wraps(view)
    def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
        return answer_once(lambda: view(*args, **kwargs))

    return answered


def answer_once(work: Callable[[], Any]) -> Response:
    """Return the answer of `work`, or the first answer where the key was used before.

    An error is not kept: the key is free again. Without a key, and for methods that change
    nothing, `work` always runs. Calls within one request share its key.
    Raises Invalid, KeyReused, InProgress, AnswerNotKept.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method in SAFE_METHODS or g.get("is_answering_once"):
        return current_app.make_response(work())
    attempt = Attempt.of(caller().user_id, key, _fingerprint())
    first_answer = idempotency_keys.begin(attempt)
    if first_answer is not None:
        return _replay(first_answer)
    g.is_answering_once = True
    try:
        response = current_app.make_response(work())
    except BaseException:
        idempotency_keys.forget(attempt)
        raise
    finally:
        g.is_answering_once = False
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        idempotency_keys.forget(attempt)
    else:
        _keep(attempt, response)
    return response


def _fingerprint() -> str:
    line = f"{request.method} {request.full_path} ".encode()
    # A form that was read already has left no raw body behind.
    body = request.get_data() or repr(list(request.form.items(multi=True))).encode()
    return sha256(line + body).hexdigest()


def _keep(attempt: Attempt, response: Response) -> None:
    """Keep the answer. The work is done and its answer goes out, whatever happens here."""
    headers = [[name, value] for name, value in response.headers if name not in NOT_KEPT]
    try:
        idempotency_keys.keep(attempt, Answer(response.status_code, _body_of(response), headers))
    except Exception as error:
        log.warning("idempotency_key.not_kept code=%s", fact_of(error).code)


def _body_of(response: Response) -> str | None:
    """Return the body as text; None for what is streamed, binary or too large to be kept."""
    if response.direct_passthrough or response.is_streamed:
        return None
    body = response.get_data()
    try:
        return body.decode() if len(body) <= LARGEST_BODY else None
    except UnicodeDecodeError:
        return None


def _replay(answer: Answer) -> Response:
    if answer.body is None:
        raise idempotency_keys.AnswerNotKept(
            "The request with this Idempotency-Key was done; its answer could not be kept."
        )
    response = Response(answer.body, answer.status)
    for name, value in answer.headers:
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response
