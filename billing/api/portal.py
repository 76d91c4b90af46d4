"""How does a caller manage cards and invoices? By a link to Stripe's portal."""

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import URL, String
from apiflask.validators import OneOf

from billing.identity import caller
from billing.sales.portal import Flow, open_portal
from billing.web.idempotency import replayable

portal = APIBlueprint("portal", __name__, url_prefix="/v1/subscription", tag="Subscription")


class PortalRequest(Schema):
    """Where to come back to, on an allowed origin, and what to begin with."""

    return_url = URL(load_default=None, require_tld=False, schemes={"http", "https"})
    flow = String(load_default=None, validate=OneOf(list(Flow)))


class PortalResponse(Schema):
    """Where to send the user now; do not keep it."""

    url = String(required=True)


@portal.post("/portal")
@portal.doc(responses={409: "`no_subscription`: nothing was ever bought."})
@replayable
@portal.input(PortalRequest)
@portal.output(PortalResponse, status_code=201)
def start_portal(json_data: dict[str, Any]) -> dict[str, Any]:
    """Open Stripe's portal for the caller."""
    flow = json_data["flow"]
    came_from = json_data["return_url"]
    return {"url": open_portal(caller().user_id, came_from, Flow(flow) if flow else None)}
