"""What is sold? Plans, open to everybody."""

from typing import Any

from apiflask import APIBlueprint

from billing.api.schemas import PlanDetailResponse, PlanListResponse
from billing.catalog import listing
from billing.catalog.listing import ListedPlan
from billing.catalog.terms import Plan

plans = APIBlueprint("plans", __name__, url_prefix="/v1/plans", tag="Plans")


@plans.get("")
@plans.output(PlanListResponse)
def list_plans() -> dict[str, Any]:
    """List the plans on sale, the lowest first."""
    return {"plans": [shown(plan) for plan in listing.on_sale()]}


@plans.get("/<name>")
@plans.output(PlanDetailResponse)
def show_plan(name: str) -> dict[str, Any]:
    """Show one plan, also one that is no longer sold."""
    return shown(listing.find(name))


def shown(plan: ListedPlan) -> dict[str, Any]:
    """Lay a plan out as its schema wants it."""
    terms = plan.terms
    return {
        "name": terms.name,
        "display_name": terms.display_name,
        "description": terms.description,
        "on_sale": plan.is_on_sale,
        "prices": plan.prices,
        "features": sorted(terms.features),
        "limits": limits_of(terms),
    }


def limits_of(terms: Plan) -> dict[str, Any]:
    """Lay out what a plan allows (a seat of it, where sold so): quotas beside its multiplier."""
    quotas = {metric.value: quota for metric, quota in terms.quotas.items()}
    return {**quotas, "rate_limit_multiplier": terms.rate_limit_multiplier}
