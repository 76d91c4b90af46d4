"""How much has the caller used?"""

from typing import Any

from apiflask import APIBlueprint

from billing.api.schemas import UsageResponse
from billing.entitlements import get_current_period_usage
from billing.identity import caller

usage = APIBlueprint("usage", __name__, url_prefix="/v1/subscription", tag="Subscription")


@usage.get("/usage")
@usage.output(UsageResponse)
def show_usage() -> dict[str, Any]:
    """Show what the caller used of every metric, and what is left."""
    used = get_current_period_usage(caller().user_id)
    return {metric.value: tally for metric, tally in used.items()}
