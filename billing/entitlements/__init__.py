"""What may this user do? The questions that the rest of the service and a product may ask."""

from uuid import UUID

from billing.catalog.terms import Plan
from billing.entitlements.access import Access, Reason, Subscription
from billing.entitlements.counting import (
    count_usage,
    give_back,
    increment_usage,
    release_storage,
    set_storage,
)
from billing.entitlements.guards import requires_feature, requires_quota
from billing.entitlements.history import UsageDay, latest_days
from billing.entitlements.quotas import Usage, check_quota, get_current_period_usage
from billing.entitlements.requests import count_requests
from billing.entitlements.reservations import (
    Reservation,
    commit_usage,
    release_usage,
    reserve_usage,
)
from billing.entitlements.standing import Standing, forget_standings, standing_of
from billing.sales.changes import change
from billing.sales.checkout import AlreadySubscribed, Checkout, open_checkout
from billing.sales.targets import Wish

__all__ = [
    "Access",
    "Plan",
    "Reason",
    "Reservation",
    "Standing",
    "Subscription",
    "Usage",
    "UsageDay",
    "check_quota",
    "commit_usage",
    "count_requests",
    "count_usage",
    "forget_standings",
    "get_current_period_usage",
    "get_rate_limit_multiplier",
    "get_user_plan",
    "get_user_subscription",
    "give_back",
    "has_feature",
    "increment_usage",
    "latest_days",
    "release_usage",
    "release_storage",
    "requires_feature",
    "requires_quota",
    "reserve_usage",
    "set_storage",
    "standing_of",
    "upgrade_user_plan",
]


def get_user_subscription(user_id: UUID) -> Subscription | None:
    """Return the subscription that decides about the user's plan; None if there never was one."""
    return standing_of(user_id).access.subscription


def get_user_plan(user_id: UUID) -> Plan:
    """Return the plan in force now; the free one where nothing else applies."""
    return standing_of(user_id).plan


def has_feature(user_id: UUID, feature: str) -> bool:
    """Tell whether the plan in force gives the feature."""
    return feature in standing_of(user_id).plan.features


def get_rate_limit_multiplier(user_id: UUID) -> float:
    """Return by how much the base rates are multiplied for the user."""
    return float(standing_of(user_id).plan.rate_limit_multiplier)


def upgrade_user_plan(user_id: UUID, plan_name: str, interval: str = "month") -> Checkout | None:
    """Open a page at Stripe where the user buys the plan; the plan changes once that is paid.

    Who has a subscription needs no page: it is changed, and None is returned. Raises NotFound,
    NotForSale, PaymentActionRequired, NotChangeable, StripeUnavailable. Safe to repeat.
    """
    try:
        return open_checkout(user_id, plan_name, interval)
    except AlreadySubscribed:
        change(user_id, Wish(plan_name, interval))
        forget_standings()
        return None
