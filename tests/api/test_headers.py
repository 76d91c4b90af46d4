"""What stands in the headers of every answer."""

import pytest

from tests.support.factories import a_user, auth
from tests.support.requests import Client


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/v1/auth/me"])
def test_every_answer_forbids_guessing_its_type(client: Client, path: str) -> None:
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/v1/auth/me"])
def test_a_sane_request_id_is_echoed(client: Client, path: str) -> None:
    answer = client.get(path, headers={"X-Request-Id": "edge-00000042"})

    assert answer.headers["X-Request-Id"] == "edge-00000042"


@pytest.mark.parametrize(
    "given", [None, "short", "a" * 65, "with space 1", "quote\"'<script>", "ключ-ключ-ключ"]
)
def test_any_other_request_id_is_replaced(client: Client, given: str | None) -> None:
    answer = client.get("/healthz", headers={} if given is None else {"X-Request-Id": given})

    assert len(answer.headers["X-Request-Id"]) == 32
    assert answer.headers["X-Request-Id"] != given


def test_two_requests_have_two_ids(client: Client) -> None:
    first, second = client.get("/healthz"), client.get("/healthz")

    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_what_identity_answers_is_stored_nowhere(client: Client) -> None:
    account = client.get("/v1/auth/me", headers=auth(a_user().id))
    failure = client.post("/v1/auth/login", json={"email": "a@example.com", "password": "x"})

    assert account.headers["Cache-Control"] == "no-store"
    assert failure.headers["Cache-Control"] == "no-store"
