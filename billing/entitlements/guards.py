"""Decorators for views of a product in the same process. They stand below its route and limits."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec
from uuid import UUID

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from billing.entitlements.counting import count_usage, give_back
from billing.entitlements.standing import standing_of
from billing.errors import Forbidden
from billing.identity import caller
from billing.models import Metric
from billing.web.idempotency import answer_once

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


class FeatureNotInPlan(Forbidden):
    """The plan in force does not give the feature."""

    code = "feature_not_in_plan"


def requires_feature(feature: str) -> Callable[[View[P]], View[P]]:
    """Run the view only if the caller's plan gives the feature. Else 403, with the plan's name."""

    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            plan = standing_of(caller().user_id).plan
            if feature not in plan.features:
                raise FeatureNotInPlan(
                    f"The plan {plan.name!r} does not give this.", feature=feature, plan=plan.name
                )
            return view(*args, **kwargs)

        return guarded

    return guard


def requires_quota(metric: str, amount: int = 1) -> Callable[[View[P]], View[P]]:
    """Count before the view runs, and give it back if the view fails (an error, 400 or above).

    Without room the answer is 429 `quota_exceeded`. A request that repeats its `Idempotency-Key`
    gets the first answer and the view does not run again: a key never saves a count. A process that
    dies in the view has counted.
    """
    counted = Metric(metric)

    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            return answer_once(
                lambda: _count_and_run(
                    caller().user_id, counted, amount, lambda: view(*args, **kwargs)
                )
            )

        return guarded

    return guard


def _count_and_run(
    user_id: UUID, metric: Metric, amount: int, work: Callable[[], ResponseReturnValue]
) -> Response:
    count_usage(user_id, metric, amount)
    response: Response | None = None
    try:
        response = current_app.make_response(work())
        return response
    finally:
        if response is None or response.status_code >= HTTPStatus.BAD_REQUEST:
            give_back(user_id, metric, amount)
