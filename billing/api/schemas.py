"""What do answers about plans and subscriptions look like?"""

from apiflask import Schema
from apiflask.fields import Boolean, DateTime, Float, Integer, List, Nested, String
from apiflask.validators import OneOf

from billing.entitlements import Reason
from billing.entitlements.quotas import UsageState
from billing.models import InvoiceAction


def nullable(about: str) -> Integer:
    """Describe a quota: null is unlimited."""
    return Integer(required=True, allow_none=True, metadata={"description": about})


class LimitsResponse(Schema):
    """What the plan allows. A null quota is unlimited."""

    rate_limit_multiplier = Float(required=True)
    api_calls = nullable("calls per day")
    jobs_created = nullable("jobs per monthly window")
    storage_used_mb = nullable("megabytes stored at any moment")
    compute_minutes = nullable("minutes per monthly window")


class PeriodResponse(Schema):
    """The period that is paid for."""

    start = DateTime(required=True)
    end = DateTime(required=True)


class ActionResponse(Schema):
    """What an unpaid invoice needs of the customer, where, and by when."""

    kind = String(required=True, validate=OneOf(list(InvoiceAction)))
    url = String(required=True, allow_none=True)
    due_at = DateTime(required=True, allow_none=True)


class PendingResponse(Schema):
    """A change that is planned; a null plan is one that we do not know."""

    plan = String(required=True, allow_none=True)
    at = DateTime(required=True)


class SubscriptionResponse(Schema):
    """The plan in force and why; `confirmed` is false while Stripe is still being asked."""

    plan = String(required=True)
    status = String(
        required=True, allow_none=True, metadata={"description": "Stripe's status; null: none yet"}
    )
    reason = String(required=True, validate=OneOf(list(Reason)))
    until = DateTime(required=True, allow_none=True)
    period = Nested(PeriodResponse, required=True, allow_none=True)
    quantity = Integer(required=True, allow_none=True)
    cancel_at = DateTime(required=True, allow_none=True)
    trial_end = DateTime(required=True, allow_none=True)
    pending = Nested(PendingResponse, required=True, allow_none=True)
    features = List(String(), required=True)
    limits = Nested(LimitsResponse, required=True)
    action = Nested(ActionResponse, required=True, allow_none=True)
    as_of = DateTime(required=True, allow_none=True)
    confirmed = Boolean(required=True)


class PriceResponse(Schema):
    """One way to pay for a plan; the amount is in the currency's minor unit."""

    interval = String(required=True)
    interval_count = Integer(required=True)
    currency = String(required=True)
    unit_amount = Integer(required=True, allow_none=True)


class PlanDetailResponse(Schema):
    """A plan: what it costs and what it gives."""

    name = String(required=True)
    display_name = String(required=True)
    description = String(required=True)
    on_sale = Boolean(required=True)
    prices = List(Nested(PriceResponse), required=True)
    features = List(String(), required=True)
    limits = Nested(LimitsResponse, required=True)


class PlanListResponse(Schema):
    """The plans that can be chosen, the lowest first."""

    plans = List(Nested(PlanDetailResponse), required=True)


class MetricUsage(Schema):
    """What was used of one metric. Null: no quota, or nothing that resets."""

    limit = nullable("the quota")
    used = Integer(required=True)
    remaining = nullable("what is left of the quota")
    resets_at = DateTime(required=True, allow_none=True)
    unit = String(required=True)
    state = String(required=True, validate=OneOf([state.value for state in UsageState]))


class UsageResponse(Schema):
    """What the caller used of every metric."""

    api_calls = Nested(MetricUsage, required=True)
    jobs_created = Nested(MetricUsage, required=True)
    storage_used_mb = Nested(MetricUsage, required=True)
    compute_minutes = Nested(MetricUsage, required=True)
