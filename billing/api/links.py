"""How does a caller get a link that sells without signing in?"""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import DateTime, String
from apiflask.validators import Length, OneOf

from billing.api.checkout import INTERVALS
from billing.identity import caller
from billing.sales.links import revoke_links, upgrade_link
from billing.web.idempotency import replayable

links = APIBlueprint("links", __name__, url_prefix="/v1/subscription", tag="Subscription")


class LinkRequest(Schema):
    """What the link is to sell."""

    plan = String(required=True, validate=Length(1, 64))
    interval = String(load_default="month", validate=OneOf(INTERVALS))


class LinkResponse(Schema):
    """A link for the caller alone, good until it expires or the plan is bought."""

    url = String(required=True)
    expires_at = DateTime(required=True)


@links.post("/links")
@links.doc(responses={404: "There is no such plan."})
@replayable
@links.input(LinkRequest)
@links.output(LinkResponse, status_code=201)
def make_link(json_data: dict[str, Any]) -> dict[str, Any]:
    """Make a link that opens a checkout for the caller, wherever it is clicked."""
    return asdict(upgrade_link(caller().user_id, **_named(json_data)))


@links.delete("/links")
@links.output({}, status_code=204)
def revoke() -> str:
    """Revoke every upgrade link of the caller that was made until now."""
    revoke_links(caller().user_id)
    return ""


def _named(told: dict[str, Any]) -> dict[str, str]:
    return {"plan_name": told["plan"], "interval": told["interval"]}
