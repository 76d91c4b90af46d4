"""Whom does the service believe about the caller? Only the proxies that it was told of."""

import contextvars
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask, request, url_for
from flask.testing import FlaskClient

from billing import create_app
from config import Config
from tests.support import databases
from tests.support.factories import a_plan

LOGIN = "/v1/auth/login"
PROXY = "10.0.0.1"

Behind = Callable[[int], FlaskClient]


@pytest.fixture
def behind(app: Flask, config: Config) -> Iterator[Behind]:
    """A client of the service, told of so many proxies; /seen tells what it believes."""
    a_plan("free")
    services: list[Flask] = []

    def made(proxies: int) -> FlaskClient:
        service = create_app(replace(config, trusted_proxies=proxies, auth_limit="2/minute"))
        service.add_url_rule("/seen", view_func=seen)
        services.append(service)
        return service.test_client()

    yield made
    for service in services:
        databases.close(service)


def seen() -> dict[str, str | None]:
    """Answer with what the service believes of the request."""
    root = url_for("health.healthz", _external=True)
    return {"address": request.remote_addr, "url": root}


def ask(client: FlaskClient, **headers: str) -> dict[str, str]:
    """Ask through a proxy, which adds headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"headers": named, "environ_base": {"REMOTE_ADDR": PROXY}}
    found: dict[str, str] = contextvars.Context().run(lambda: client.get("/seen", **sent).json)
    return found


def log_in(client: FlaskClient, number: int, forwarded: str) -> int:
    """Fail to log in, each time as somebody else."""
    sent = {
        "json": {"email": f"nobody{number}@example.com", "password": "quite wrong"},
        "headers": {"X-Forwarded-For": forwarded},
        "environ_base": {"REMOTE_ADDR": PROXY},
    }
    return contextvars.Context().run(lambda: client.post(LOGIN, **sent).status_code)


def test_without_proxies_no_header_is_believed(behind: Behind) -> None:
    found = ask(
        behind(0),
        X_Forwarded_For="203.0.113.7",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="evil.example.com",
    )

    assert found == {"address": PROXY, "url": "http://localhost/healthz"}


def test_one_proxy_tells_address_scheme_and_host(behind: Behind) -> None:
    found = ask(
        behind(1),
        X_Forwarded_For="203.0.113.7",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="billing.example.com",
    )

    assert found == {"address": "203.0.113.7", "url": "https://billing.example.com/healthz"}


@pytest.mark.parametrize(
    ("proxies", "believed"),
    [(1, "198.51.100.9"), (2, "203.0.113.7")],
    ids=["one", "two"],
)
def test_what_a_caller_writes_before_the_proxies_is_not_believed(
    behind: Behind, proxies: int, believed: str
) -> None:
    found = ask(behind(proxies), X_Forwarded_For="1.1.1.1, 203.0.113.7, 198.51.100.9")

    assert found["address"] == believed


def test_behind_a_proxy_each_caller_has_a_budget_of_their_own(behind: Behind) -> None:
    client = behind(1)
    statuses = [log_in(client, number, "203.0.113.7") for number in range(3)]

    other = log_in(client, 3, "203.0.113.8")

    assert statuses == [401, 401, 429]
    assert other == 401


def test_without_proxies_a_made_up_header_buys_no_new_budget(behind: Behind) -> None:
    client = behind(0)

    statuses = [log_in(client, number, f"203.0.113.{number}") for number in range(3)]

    assert statuses == [401, 401, 429]
