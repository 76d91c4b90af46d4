"""How does a caller change, end or resume the own subscription? The answer is what is then true."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, DateTime, Integer, List, Nested, String
from apiflask.validators import Length, OneOf, Range
from marshmallow import ValidationError, validates_schema

from billing.api.checkout import INTERVALS
from billing.api.schemas import SubscriptionResponse
from billing.api.subscriptions import shown
from billing.catalog.plans import LARGEST_MAX_QUANTITY
from billing.entitlements import forget_standings, standing_of
from billing.identity import caller
from billing.sales import changes as sales
from billing.sales import endings, previews
from billing.sales.endings import EndAt
from billing.sales.targets import Wish
from billing.web.idempotency import replayable

changes = APIBlueprint("changes", __name__, url_prefix="/v1/subscription", tag="Subscription")

REFUSALS = {
    409: "`no_subscription`, `subscription_not_changeable`, `change_in_progress`.",
    422: "`invalid`, `not_for_sale`, `too_many_seats`, `refused_by_stripe`.",
}
UNPAID = {402: "`payment_action_required` with `hosted_invoice_url`: the old plan is kept."}


class Wanted(Schema):
    """What the subscription is to be; what is left out stays as it is."""

    plan = String(load_default=None, validate=Length(1, 64))
    interval = String(load_default=None, validate=OneOf(INTERVALS))
    quantity = Integer(load_default=None, strict=True, validate=Range(1, LARGEST_MAX_QUANTITY))

    @validates_schema
    def refuse_nothing(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a wish for nothing."""
        if not any(data.values()):
            raise ValidationError("Name a plan, an interval or a quantity.", "plan")


class WantedQuery(Wanted):
    """The same in a query."""

    quantity = Integer(load_default=None, validate=Range(1, LARGEST_MAX_QUANTITY))


class CancelRequest(Schema):
    """When it is to end."""

    at = String(load_default=EndAt.PERIOD_END.value, validate=OneOf(list(EndAt)))


class EmptyRequest(Schema):
    """Nothing needs to be said."""


class PreviewLineResponse(Schema):
    """One line; the amount is in the currency's minor unit, a credit is negative."""

    description = String(required=True, allow_none=True)
    amount = Integer(required=True)
    is_proration = Boolean(required=True)
    period_start = DateTime(required=True, allow_none=True)
    period_end = DateTime(required=True, allow_none=True)


class PreviewResponse(Schema):
    """What the change would bring. Null `at`: it is made at once, for `amount_due`."""

    at = DateTime(required=True, allow_none=True)
    currency = String(required=True)
    amount_due = Integer(required=True)
    lines = List(Nested(PreviewLineResponse), required=True)
    interval = String(required=True)
    quantity = Integer(required=True, allow_none=True)
    unit_amount = Integer(required=True, allow_none=True)


@changes.post("/change")
@changes.doc(responses={**UNPAID, **REFUSALS})
@replayable
@changes.input(Wanted)
@changes.output(SubscriptionResponse)
def change_subscription(json_data: dict[str, Any]) -> dict[str, Any]:
    """Change plan, interval or quantity: more at once and prorated, less when the period ends."""
    sales.change(caller().user_id, _wish(json_data))
    return _now_true()


@changes.post("/cancel")
@changes.doc(responses={409: REFUSALS[409]})
@replayable
@changes.input(CancelRequest)
@changes.output(SubscriptionResponse)
def cancel_subscription(json_data: dict[str, Any]) -> dict[str, Any]:
    """End the subscription, with its period or now; nothing is refunded."""
    endings.cancel(caller().user_id, EndAt(json_data["at"]))
    return _now_true()


@changes.post("/resume")
@changes.doc(responses={**UNPAID, 409: REFUSALS[409]})
@replayable
@changes.input(EmptyRequest)
@changes.output(SubscriptionResponse)
def resume_subscription(json_data: dict[str, Any]) -> dict[str, Any]:
    """Take back a planned end or change, or go on after a pause."""
    endings.resume(caller().user_id)
    return _now_true()


@changes.get("/preview")
@changes.doc(responses=REFUSALS)
@changes.input(WantedQuery, location="query")
@changes.output(PreviewResponse)
def preview_change(query_data: dict[str, Any]) -> dict[str, Any]:
    """Show what a change would cost; nothing is changed."""
    return asdict(previews.preview(caller().user_id, _wish(query_data)))


def _wish(told: dict[str, Any]) -> Wish:
    return Wish(told["plan"], told["interval"], told["quantity"])


def _now_true() -> dict[str, Any]:
    forget_standings()
    return shown(standing_of(caller().user_id))
