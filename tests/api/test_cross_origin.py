"""Pages elsewhere may poll if their origin is allowed, with a token; nothing else is opened."""

from dataclasses import replace

import pytest
from flask import Flask

from config import Config
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client

ME = "/v1/subscription/me"
FRIEND = "https://app.example"


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, allowed_return_origins=(FRIEND,))


@pytest.fixture(autouse=True)
def _plans(app: Flask) -> None:
    a_plan("free")


@pytest.mark.parametrize("origin", [FRIEND, "http://127.0.0.1:5000"])
def test_an_allowed_page_reads_the_answer_and_its_etag(client: Client, origin: str) -> None:
    answer = client.get(ME, headers={**auth(a_user().id), "Origin": origin})

    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_an_allowed_page_may_load_the_file_that_polls_and_no_other(client: Client) -> None:
    script = client.get("/static/billing.js", headers={"Origin": FRIEND})
    sheet = client.get("/static/pages.css", headers={"Origin": FRIEND})

    assert script.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "Access-Control-Allow-Origin" not in sheet.headers
    script.close()
    sheet.close()


def test_an_allowed_page_reads_why_it_was_refused(client: Client) -> None:
    answer = client.get(ME, headers={"Origin": FRIEND})

    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND


def test_an_allowed_page_may_send_token_and_etag(client: Client) -> None:
    asked = {"Origin": FRIEND, "Access-Control-Request-Method": "GET"}

    answer = client.options(ME, headers=asked)

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
    assert answer.headers["Access-Control-Allow-Methods"] == "GET"
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, If-None-Match"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://app.example", "https://app.example.evil.example", ""],
)
def test_any_other_page_reads_nothing(client: Client, origin: str) -> None:
    headers = {**auth(a_user().id), "Origin": origin}

    for answer in (client.get(ME, headers=headers), client.options(ME, headers=headers)):
        assert [name for name, _ in answer.headers if name.startswith("Access-")] == []
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ME),
        ("GET", "/v1/auth/me"),
        ("POST", "/v1/auth/login"),
        ("OPTIONS", "/v1/subscription/checkout"),
        ("POST", "/v1/subscription/cancel"),
        ("GET", "/account"),
        ("GET", "/checkout/state"),
    ],
)
def test_nothing_but_the_poll_is_opened(client: Client, method: str, path: str) -> None:
    headers = {**auth(a_user().id), "Origin": FRIEND}

    answer = client.open(path, method=method, headers=headers)

    assert "Access-Control-Allow-Origin" not in answer.headers
