"""Which plan is the caller on? The endpoint that frontends poll."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint

from billing.api.conditional import conditional
from billing.api.plans import limits_of
from billing.api.schemas import SubscriptionResponse
from billing.entitlements import Standing, standing_of
from billing.entitlements.access import Subscription
from billing.identity import caller
from billing.models import Metric

subscriptions = APIBlueprint(
    "subscriptions", __name__, url_prefix="/v1/subscription", tag="Subscription"
)

EMPTY = dict.fromkeys(("status", "quantity", "cancel_at", "trial_end", "period", "pending"))


@subscriptions.get("/me")
@conditional
@subscriptions.output(SubscriptionResponse)
def show_subscription() -> dict[str, Any]:
    """Show the caller's plan, why it applies and until when; 304 if nothing changed."""
    return shown(standing_of(caller().user_id))


def shown(standing: Standing) -> dict[str, Any]:
    """Lay a standing out as its schema wants it."""
    access = standing.access
    return {
        **(_facts(access.subscription) if access.subscription else EMPTY),
        "plan": standing.plan.name,
        "reason": access.reason,
        "until": access.until,
        "features": sorted(standing.plan.features),
        "limits": limits_of(standing.plan)
        | {metric.value: standing.limit(metric) for metric in Metric},
        "action": asdict(standing.action) if standing.action else None,
        "as_of": standing.as_of,
        "confirmed": standing.confirmed,
    }


def _facts(subscription: Subscription) -> dict[str, Any]:
    start, end = subscription.current_period_start, subscription.current_period_end
    return {
        "status": subscription.status,
        "period": {"start": start, "end": end} if start and end else None,
        "quantity": subscription.quantity,
        "cancel_at": subscription.cancel_at,
        "trial_end": subscription.trial_end,
        "pending": _pending(subscription),
    }


def _pending(subscription: Subscription) -> dict[str, Any] | None:
    if subscription.pending_change_at is None:
        return None
    plan = subscription.pending_plan
    return {"plan": plan.name if plan else None, "at": subscription.pending_change_at}
