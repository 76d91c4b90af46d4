"""May this view run? Decorators for a product in the same process; below its route and limits."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from flask import current_app, request
from flask.typing import ResponseReturnValue

from billing.entitlements.counting import count_usage, give_back
from billing.entitlements.standing import standing_of
from billing.errors import Forbidden
from billing.identity import caller
from billing.models import Metric

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

KEY_HEADER = "Idempotency-Key"


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
    counts once. A process that dies in the view has counted.
    """
    counted = Metric(metric)

    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            user_id, key = caller().user_id, request.headers.get(KEY_HEADER)
            count = count_usage(user_id, counted, amount, key=key)
            answer: ResponseReturnValue | None = None
            try:
                answer = view(*args, **kwargs)
                return answer
            finally:
                if count.is_new and _failed(answer):
                    give_back(user_id, counted, amount, key=key)

        return guarded

    return guard


def _failed(answer: ResponseReturnValue | None) -> bool:
    """Tell whether the view raised (there is no answer) or answered with an error."""
    return answer is None or current_app.make_response(answer).status_code >= HTTPStatus.BAD_REQUEST
