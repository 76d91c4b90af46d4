"""Our application object: what it remembers, and whose requests its hooks see."""

import pytest
from flask import Blueprint, Response

from billing.service import FUNCTIONS, Service
from tests.support.requests import Client


def test_a_function_is_run_as_it_is_and_a_coroutine_is_refused_each_time() -> None:
    service = Service(__name__)

    def show() -> str:
        return "shown"

    async def wait() -> str:
        return "waited"

    for _ in range(2):
        assert service.ensure_sync(show) is show
        with pytest.raises(RuntimeError, match="'async' extra"):
            service.ensure_sync(wait)


def test_functions_that_come_and_go_do_not_pile_up() -> None:
    service = Service(__name__)

    for number in range(2 * FUNCTIONS):
        service.ensure_sync(lambda number=number: number)

    assert service._as_sync.cache_info().currsize == FUNCTIONS


@pytest.mark.parametrize(
    ("method", "path", "seen"),
    [
        ("POST", "/events", []),
        ("POST", "/broken", []),
        ("GET", "/events", ["before", "after"]),
        ("GET", "/elsewhere", ["before", "after"]),
    ],
)
def test_hooks_see_callers_and_no_events(method: str, path: str, seen: list[str]) -> None:
    service, hooks = watched()

    service.test_client().open(path, method=method)

    assert hooks == seen


@pytest.mark.parametrize(("path", "status"), [("/events", 200), ("/broken", 500)])
def test_an_event_has_a_request_id_whatever_comes_of_it(path: str, status: int) -> None:
    service, _ = watched()

    answer = service.test_client().post(path, headers={"X-Request-Id": "edge-00000042"})

    assert answer.status_code == status
    assert answer.headers["X-Request-Id"] == "edge-00000042"


def test_an_event_that_is_refused_is_told_as_every_error_is(client: Client) -> None:
    answer = client.post("/webhooks/stripe", data=b"{}")

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["code"] == "bad_signature"
    assert len(answer.headers["X-Request-Id"]) == 32


def watched() -> tuple[Service, list[str]]:
    """An application that takes events at two places, and what its hooks saw."""
    service, seen = Service(__name__), []
    events = Blueprint("events", __name__)
    events.post("/events")(lambda: "taken")
    events.post("/broken", endpoint="broken")(lambda: 1 / 0)
    service.before_request(lambda: seen.append("before"))

    @service.after_request
    def note(response: Response) -> Response:
        seen.append("after")
        return response

    service.register_events(events)
    return service, seen
