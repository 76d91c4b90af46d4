"""What a guarded view counts when it fails, whichever way it fails."""

from collections.abc import Callable

import pytest
from flask import Flask, Response, abort
from flask.typing import ResponseReturnValue

from billing.entitlements import get_current_period_usage, increment_usage, requires_quota
from billing.entitlements.counting import give_back
from billing.errors import Conflict
from billing.models import Metric, User
from tests.support.factories import a_plan, a_user, auth
from tests.support.requests import Client


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free")
    return a_user()


def raises() -> ResponseReturnValue:
    raise Conflict("No.")


def breaks() -> ResponseReturnValue:
    raise ZeroDivisionError


def aborts() -> ResponseReturnValue:
    abort(404)


VIEWS: dict[str, tuple[Callable[[], ResponseReturnValue], int]] = {
    "a plain text": (lambda: "done", 3),
    "a body and 201": (lambda: ({}, 201), 3),
    "a redirect": (lambda: ("", 302), 3),
    "an error as a tuple": (lambda: ({}, 400), 0),
    "an error as a response": (lambda: Response(status=500), 0),
    "a fact raised": (raises, 0),
    "a fault": (breaks, 0),
    "an abort": (aborts, 0),
}


@pytest.mark.parametrize(("view", "counted"), VIEWS.values(), ids=VIEWS)
def test_only_work_that_was_done_counts(
    app: Flask,
    client: Client,
    user: User,
    view: Callable[[], ResponseReturnValue],
    counted: int,
):
    guarded = requires_quota("jobs_created", 3)(view)
    app.add_url_rule("/v1/work", endpoint="work", view_func=guarded, methods=["POST"])

    client.post("/v1/work", headers=auth(user.id))

    assert get_current_period_usage(user.id)[Metric.JOBS_CREATED].used == counted


def test_an_unknown_metric_is_refused_when_the_view_is_made():
    with pytest.raises(ValueError, match="jobs"):
        requires_quota("jobs")


@pytest.mark.parametrize("metric", Metric)
def test_giving_back_never_goes_below_zero(user: User, metric: Metric):
    increment_usage(user.id, metric, 2)

    give_back(user.id, metric, 5)

    assert get_current_period_usage(user.id)[metric].used == 0
