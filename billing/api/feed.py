"""What changed since a product's backend last asked? So that it need not poll its users."""

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import UUID, DateTime, Integer, List, Nested, Raw, String
from apiflask.validators import OneOf, Range, Regexp

from billing.api.product import scoped
from billing.identity.service_keys import Scope
from billing.stripe_sync import changes
from billing.stripe_sync.changes import Kind

feed = APIBlueprint("feed", __name__, url_prefix="/v1", tag="Product")

PAGE = 100
MAX_PAGE = 1000
START = "0"


class ChangesQuery(Schema):
    """From where, and how many at most."""

    after = String(
        load_default=START,
        validate=Regexp(r"[0-9]{1,18}\Z"),
        metadata={"description": "`next` of the last answer; left out: from the beginning"},
    )
    limit = Integer(load_default=PAGE, validate=Range(1, MAX_PAGE))


class ChangeResponse(Schema):
    """One field of a subscription that changed, or one edit of a plan.

    `user` is null while nobody here is the customer. An edit of a plan concerns everybody on it:
    it names the `plan`, no user and nothing at Stripe; `field` is `plan`, and `before` and `after`
    hold the fields that it changed (`before` is null for a new plan).
    """

    id = String(required=True)
    kind = String(required=True, validate=OneOf(list(Kind)))
    user = UUID(required=True, allow_none=True)
    stripe_id = String(required=True, allow_none=True)
    plan = String(required=True, allow_none=True)
    field = String(required=True)
    before = Raw(required=True, allow_none=True)
    after = Raw(required=True, allow_none=True)
    cause = String(required=True, metadata={"description": "event, refresh, reconcile, operator"})
    event = String(required=True, allow_none=True)
    at = DateTime(required=True)


class ChangesResponse(Schema):
    """Changes in the order they became true here, and from where to go on."""

    changes = List(Nested(ChangeResponse), required=True)
    next = String(required=True)


@feed.get("/changes")
@scoped(Scope.CHANGES)
@feed.input(ChangesQuery, location="query")
@feed.output(ChangesResponse)
def list_changes(query_data: dict[str, Any]) -> dict[str, Any]:
    """Show what changed for whom and why, in the order of commits, with nothing left out.

    What ends by time alone (a grace period, a quota's window) is no change: `access` tells until
    when it holds. A user who is linked to a customer later shows as a change of `user_id`.
    """
    found = changes.after(int(query_data["after"]), query_data["limit"])
    return {"changes": found, "next": found[-1].id if found else query_data["after"]}
