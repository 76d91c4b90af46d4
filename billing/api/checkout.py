"""How does a frontend send its user to pay? A link to Stripe's page."""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import URL, DateTime, Integer, String
from apiflask.validators import Length, OneOf, Range, Regexp

from billing.catalog.plans import LARGEST_MAX_QUANTITY
from billing.identity import caller
from billing.sales.arrivals import Arrival, look
from billing.sales.checkout import open_checkout
from billing.web.idempotency import replayable

INTERVALS = ("month", "year")

checkout = APIBlueprint("checkout", __name__, url_prefix="/v1/subscription", tag="Subscription")


class CheckoutRequest(Schema):
    """What to buy, and where to come back to: both addresses on an allowed origin."""

    plan = String(required=True, validate=Length(1, 64))
    interval = String(load_default="month", validate=OneOf(INTERVALS))
    quantity = Integer(load_default=1, strict=True, validate=Range(1, LARGEST_MAX_QUANTITY))
    currency = String(load_default=None, validate=Regexp(r"[a-z]{3}\Z"))
    promotion_code = String(load_default=None, validate=Length(1, 64))
    success_url = URL(load_default=None, require_tld=False, schemes={"http", "https"})
    cancel_url = URL(load_default=None, require_tld=False, schemes={"http", "https"})


class CheckoutResponse(Schema):
    """Where to send the user, and until when."""

    session_id = String(required=True)
    url = String(required=True)
    expires_at = DateTime(required=True)


class ArrivalResponse(Schema):
    """How far the checkout got. Ask again after `retry_after` seconds; null: this is the end."""

    state = String(required=True, validate=OneOf(list(Arrival)))
    as_of = DateTime(required=True, allow_none=True)
    retry_after = Integer(required=True, allow_none=True)


@checkout.post("/checkout")
@checkout.doc(
    responses={
        409: "`already_subscribed`: change it, or use the `portal`; `customer_deleted`.",
        422: "`not_for_sale`, `currency_mismatch`, `unknown_promotion_code`, `too_many_seats`, "
        "`refused_by_stripe`, "
        "`return_url_not_allowed`, `invalid`.",
    }
)
@replayable
@checkout.input(CheckoutRequest)
@checkout.output(CheckoutResponse, status_code=201)
def start_checkout(json_data: dict[str, Any]) -> dict[str, Any]:
    """Open a Checkout Session for the caller; asked again, it is the same one while it is open."""
    wanted = dict(json_data)
    plan_name, interval = wanted.pop("plan"), wanted.pop("interval")
    return asdict(open_checkout(caller().user_id, plan_name, interval, **wanted))


@checkout.get("/checkout/<session_id>")
@checkout.output(ArrivalResponse)
def show_checkout(session_id: str) -> dict[str, Any]:
    """Tell how far an own checkout got, for who just came back from Stripe."""
    return asdict(look(caller().user_id, session_id))
