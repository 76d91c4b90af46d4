"""Text that no database can hold is refused at the door: 422, and nothing is kept."""

import socket
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.database import reading
from billing.entitlements import get_current_period_usage
from billing.identity import service_keys
from billing.identity.service_keys import Scope
from billing.models import Metric, User
from tests.support import serving
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client

NUL = '{"email": "a\\u0000@example.com", "password": "four random words here"}'
HALF = '{"email": "a\\ud800@example.com", "password": "four random words here"}'
KEY = '{"email": "a@example.com", "password": "four random words here", "a\\u0000": 1}'


@pytest.mark.parametrize(
    "path",
    [
        "/v1/plans/%00",
        "/v1/plans/a%00b",
        "/v1/nothing/%00",
        "/v1/plans?name=%00",
        "/v1/plans?%00=name",
        "/pricing?interval=%00",
        "/upgrade/%00",
        "/%00",
    ],
)
def test_a_path_or_query_with_nul_is_refused(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/v1/plans/%ED%A0%80", "/v1/plans?name=%ED%A0%80"])
def test_bytes_that_are_no_text_cause_no_fault(client: Client, path: str) -> None:
    assert client.get(path).status_code in {200, 404, 422}


@pytest.mark.parametrize("body", [NUL, HALF, KEY], ids=["nul", "half a pair", "in a name"])
@pytest.mark.parametrize("path", ["/v1/auth/register", "/v1/auth/login"])
def test_a_body_with_such_text_is_refused_and_nobody_is_made(
    app: Flask, client: Client, path: str, body: str
) -> None:
    answer = client.post(path, data=body, content_type="application/json")

    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    with reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(User)) == 0


def test_a_form_with_such_text_is_refused(client: Client) -> None:
    answer = client.post("/signin", data={"email": "a\0@example.com", "password": "x"})

    assert answer.status_code == 422


def test_a_batch_with_such_text_is_refused_whole_and_counts_nothing(
    app: Flask, client: Client
) -> None:
    a_plan("free")
    user = a_user()
    _, key = service_keys.create("jobs", [Scope.USAGE])
    good = {"user": str(user.id), "metric": "jobs_created", "amount": 1}
    bad = {"user": "ext:\0", "metric": "jobs_created", "amount": 1}

    answer = client.post(
        "/v1/usage/record",
        json={"records": [good, bad]},
        headers={"Authorization": f"Bearer {key}"},
    )

    assert answer.status_code == 422
    assert get_current_period_usage(user.id)[Metric.JOBS_CREATED].used == 0


def test_text_of_every_language_passes(client: Client) -> None:
    assert client.get("/v1/plans/プロ🚀").status_code == 404


@pytest.mark.parametrize("path", ["/webhooks/stripe", "/v1/auth/login"])
def test_malformed_chunks_are_a_400(app: Flask, path: str) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: billing\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nnonsense\r\n{}\r\n"
    )

    with (
        serving.served(app) as url,
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as line,
    ):
        line.sendall(head.encode())
        answer = line.makefile("rb").readline()

    assert b" 400 " in answer


def test_an_answer_for_a_user_is_as_before(client: Client) -> None:
    a_plan("free")

    assert client.get("/v1/subscription/me", headers=auth(a_user().id)).status_code == 200
