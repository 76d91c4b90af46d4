"""What is answered to a body that cannot be read, or does not fit."""

import pytest

from tests.support.requests import Client

LOGIN = "/v1/auth/login"
JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"email": ', JSON, 400, "malformed_request"),
        (b'{"email": "\xff"}', JSON, 400, "malformed_request"),
        (b"[" * 60_000, JSON, 400, "malformed_request"),
        (b"1" * 60_000, JSON, 400, "malformed_request"),
        (b"email=a%40example.com", "application/x-www-form-urlencoded", 415, None),
        (b'{"email": "a@example.com"}', "text/plain", 415, None),
        (b'{"email": "a@example.com"}', None, 415, None),
        (b'"' + b"a" * 70_000 + b'"', JSON, 413, "body_too_large"),
        (b"", JSON, 422, "invalid"),
        (b"[]", JSON, 422, "invalid"),
        (b"null", JSON, 422, "invalid"),
        (b'"text"', JSON, 422, "invalid"),
    ],
    ids=[
        "cut-off",
        "not-utf8",
        "too-deep",
        "endless-number",
        "form",
        "text",
        "untyped",
        "too-large",
        "empty",
        "array",
        "null",
        "string",
    ],
)
def test_an_unreadable_body_is_named(
    client: Client, body: bytes, content_type: str | None, status: int, code: str | None
) -> None:
    answer = client.post(LOGIN, data=body, content_type=content_type)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == (code or "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "a@example.com"}, "password"),
        ({"email": "a@example.com", "password": None}, "password"),
        ({"email": 7, "password": "x"}, "email"),
        ({"email": ["a@example.com"], "password": "x"}, "email"),
        ({"email": "a@example.com", "password": "x" * 257}, "password"),
        ({"email": "a@example.com", "password": "x", "admin": True}, "admin"),
    ],
    ids=["missing", "null", "number", "list", "too-long", "unknown"],
)
def test_a_field_that_does_not_fit_is_named(
    client: Client, body: dict[str, object], field: str
) -> None:
    answer = client.post(LOGIN, json=body)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert list(answer.json["errors"]) == [field]


def test_an_answer_never_repeats_the_password(client: Client) -> None:
    answer = client.post(LOGIN, json={"email": 7, "password": "a secret of mine" * 20})

    assert answer.status_code == 422
    assert "a secret of mine" not in answer.text
