"""Test clocks: simulated time for the customers on them."""

from stripe.params import test_helpers as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import invalid
from billing.emulator.periods import DAY
from billing.emulator.routes import Params, listable, retrievable, route

KIND = "test_helpers.test_clock"
KEPT_DAYS = 30

retrievable("/v1/test_helpers/test_clocks/<id>", KIND, types.TestClockRetrieveParams)
listable("/v1/test_helpers/test_clocks", KIND, types.TestClockListParams)


@route("POST", "/v1/test_helpers/test_clocks", types.TestClockCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a clock that stands at a moment."""
    now = account.now()
    test_clock = account.add(
        {
            "id": token("clock_"),
            "object": KIND,
            "created": now,
            "deletes_after": now + KEPT_DAYS * DAY,
            "frozen_time": params["frozen_time"],
            "livemode": False,
            "name": params.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    account.emit(f"{KIND}.created", test_clock)
    return test_clock


@route("POST", "/v1/test_helpers/test_clocks/<id>/advance", types.TestClockAdvanceParams)
def advance(account: Account, params: Params, id: str) -> Resource:
    """Set a clock going; it is ready once everything due on the way has happened."""
    test_clock = account.find(KIND, id)
    target = params["frozen_time"]
    if test_clock["status"] != "ready":
        raise invalid("The test clock is still advancing.", code="test_clock_advancing")
    if target <= test_clock["frozen_time"]:
        raise invalid("frozen_time must be later than the clock's.", "frozen_time")
    account.edit(test_clock).update(status="advancing", _target=target)
    test_clock["status_details"] = {"advancing": {"target_frozen_time": target}}
    account.emit(f"{KIND}.advancing", test_clock)
    return test_clock


@route("DELETE", "/v1/test_helpers/test_clocks/<id>", types.TestClockDeleteParams)
def delete(account: Account, params: Params, id: str) -> Resource:
    """Delete a clock with its customers and their subscriptions."""
    test_clock = account.find(KIND, id)
    for kind in ("customer", "subscription", "invoice", "subscription_schedule"):
        for found in account.all(kind):
            if found.get("test_clock") == id:
                account.remove(found)
    account.emit(f"{KIND}.deleted", test_clock)
    account.remove(test_clock)
    return {"id": id, "object": KIND, "deleted": True}
