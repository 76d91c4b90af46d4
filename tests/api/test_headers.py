"""What stands in the headers of every answer."""

from dataclasses import replace

import pytest

from billing import create_app
from config import Config
from tests.support import databases
from tests.support.factories import a_plan, a_user, auth
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


@pytest.mark.parametrize(
    "path", ["/v1/subscription/usage", "/v1/subscription/invoices", "/v1/nowhere", "/v1/changes"]
)
def test_no_cache_keeps_what_is_personal(client: Client, path: str) -> None:
    a_plan("free")

    answer = client.get(path, headers=auth(a_user().id))

    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_polled_is_private_and_asked_anew(client: Client) -> None:
    a_plan("free")

    answer = client.get("/v1/subscription/me", headers=auth(a_user().id))

    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("body", [b"{}", b"\xff"])
def test_the_answer_to_an_event_forbids_guessing_too(client: Client, body: bytes) -> None:
    answer = client.post("/webhooks/stripe", data=body)

    assert answer.status_code == 400
    assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.parametrize(
    ("app_url", "told"),
    [("https://billing.example.com", "max-age=31536000"), ("http://127.0.0.1:5000", None)],
)
def test_behind_https_browsers_are_told_to_stay_there(
    config: Config, app_url: str, told: str | None
) -> None:
    service = create_app(replace(config, app_url=app_url))
    with service.app_context():
        client = service.test_client()
        answers = [client.get("/healthz"), client.post("/webhooks/stripe", data=b"{}")]
        databases.close(service)

    assert [answer.headers.get("Strict-Transport-Security") for answer in answers] == [told, told]
