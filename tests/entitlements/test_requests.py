"""Which requests to a product count as API calls, and when is one refused?"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Blueprint, Flask

from billing import create_app
from billing.entitlements import count_requests, get_current_period_usage
from billing.models import Metric, User
from config import Config
from tests.support import databases
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client

QUOTA = 3
ONLY = "/shop/answer"


def a_shop() -> Blueprint:
    """A product with one blueprint inside another, both counted."""
    shop, inner = Blueprint("shop", __name__), Blueprint("inner", __name__)
    count_requests(shop)
    count_requests(inner)

    @inner.route("/shop/answer/<int:status>", methods=["GET", "POST"])
    @inner.route("/v1/shop/<int:status>", methods=["POST"])
    def answer(status: int) -> tuple[str, int]:
        return "", status

    @inner.get("/shop/broken")
    def broken() -> str:
        raise ZeroDivisionError

    shop.register_blueprint(inner)
    return shop


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    app = create_app(replace(config, rate_limit="2/minute"))
    app.register_blueprint(a_shop())
    app.test_client_class = Client
    with app.app_context():
        yield app
        databases.empty()
    databases.close(app)


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free", max_api_calls_per_day=QUOTA)
    return a_user()


def counted(user: User) -> int:
    return get_current_period_usage(user.id)[Metric.API_CALLS].used


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 409, 422])
def test_an_answer_that_the_caller_got_or_caused_counts_once(
    client: Client, user: User, status: int
):
    answer = client.get(f"{ONLY}/{status}", headers=auth(user.id))

    assert answer.status_code == status
    assert counted(user) == 1


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_an_answer_that_gave_nothing_does_not_count(client: Client, user: User, status: int):
    answer = client.get(f"{ONLY}/{status}", headers=auth(user.id))

    assert answer.status_code == status
    assert counted(user) == 0


def test_a_view_that_breaks_does_not_count(client: Client, user: User):
    answer = client.get("/shop/broken", headers=auth(user.id))

    assert answer.status_code == 500
    assert counted(user) == 0


def test_when_the_quota_is_used_up_the_view_does_not_run(client: Client, user: User):
    headers = auth(user.id)

    seen = [client.get(f"{ONLY}/204", headers=headers) for _ in range(QUOTA + 1)]

    assert [answer.status_code for answer in seen] == [204] * QUOTA + [429]
    refusal = seen[-1].json
    assert (refusal["code"], refusal["metric"]) == ("quota_exceeded", "api_calls")
    assert int(seen[-1].headers["Retry-After"]) > 0
    assert counted(user) == QUOTA


def test_a_request_that_is_refused_before_its_view_counts_too(client: Client, user: User):
    answer = client.post(
        "/v1/shop/200", data="{", content_type="application/json", headers=auth(user.id)
    )

    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")
    assert counted(user) == 1


def test_a_request_over_its_rate_does_not_count(client: Client, user: User):
    headers = auth(user.id)

    seen = [client.post("/v1/shop/200", headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in seen] == [200, 200, 429]
    assert seen[-1].json["code"] == "rate_limited"
    assert counted(user) == 2


def test_the_service_s_own_routes_do_not_count(client: Client, user: User):
    for path in ("/v1/subscription/me", "/v1/auth/me", "/v1/nowhere", "/healthz"):
        client.get(path, headers=auth(user.id))

    assert counted(user) == 0


def test_a_stranger_is_let_through_to_a_view_that_takes_strangers(client: Client, user: User):
    assert client.get(f"{ONLY}/200").status_code == 200
    assert counted(user) == 0
