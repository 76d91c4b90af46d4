"""Billing meters and the usage reported to them."""

from decimal import Decimal, InvalidOperation

from stripe.params import billing as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import ApiError, invalid, missing
from billing.emulator.listing import cut
from billing.emulator.periods import DAY
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply

METER, EVENT = "billing.meter", "billing.meter_event"
ADJUSTMENT = "billing.meter_event_adjustment"
BACK_DAYS, AHEAD_SECONDS = 35, 300

retrievable("/v1/billing/meters/<id>", METER, types.MeterRetrieveParams)
listable("/v1/billing/meters", METER, types.MeterListParams)


@route("POST", "/v1/billing/meters", types.MeterCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a meter for the events of a name."""
    if any(
        meter["event_name"] == params["event_name"] and meter["status"] == "active"
        for meter in account.all(METER)
    ):
        raise invalid("An active meter with this event name exists.", "event_name")
    meter = account.add(meter_of(account.now(), params))
    account.emit(f"{METER}.created", meter)
    return meter


def meter_of(now: int, params: Params) -> Resource:
    """Make a meter."""
    return {
        "id": token("mtr_test_"),
        "object": METER,
        "created": now,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "event_time_window": None,
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": now,
        "value_settings": {"event_payload_key": "value"},
        **params,
    }


@route("POST", "/v1/billing/meters/<id>", types.MeterUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a meter's display name."""
    meter = account.find(METER, id)
    with account.changing(meter):
        apply(meter, params)
    return meter


@route("POST", "/v1/billing/meters/<id>/deactivate", types.MeterDeactivateParams)
def deactivate(account: Account, params: Params, id: str) -> Resource:
    """Switch a meter off."""
    return switch(account, id, "inactive", "deactivated")


@route("POST", "/v1/billing/meters/<id>/reactivate", types.MeterReactivateParams)
def reactivate(account: Account, params: Params, id: str) -> Resource:
    """Switch a meter on again."""
    return switch(account, id, "active", "reactivated")


def switch(account: Account, id: str, status: str, event: str) -> Resource:
    """Set a meter's status and tell of it."""
    meter = account.edit(account.find(METER, id))
    meter["status"] = status
    meter["status_transitions"]["deactivated_at"] = account.now() if status != "active" else None
    account.emit(f"{METER}.{event}", meter)
    return meter


@route("POST", "/v1/billing/meter_events", types.MeterEventCreateParams)
def report(account: Account, params: Params) -> Resource:
    """Take in usage; an identifier counts once."""
    now = account.now()
    params.setdefault("timestamp", now)
    identifier = params.setdefault("identifier", token("", 32))
    refuse_unfit(account, params, now)
    known = account.get(EVENT, f"_me_{identifier}")
    if known and known["created"] > now - DAY:
        message = f"An event already exists with identifier {identifier}."
        raise ApiError(400, message, code="duplicate_meter_event", param="identifier")
    head = {"id": f"_me_{identifier}", "object": EVENT, "created": now, "livemode": False}
    account.add({**head, **params})
    return {name: value for name, value in {**head, **params}.items() if name != "id"}


def refuse_unfit(account: Account, params: Params, now: int) -> None:
    """Refuse usage too old, too new, without a number or for no meter."""
    if not now - BACK_DAYS * DAY <= params["timestamp"] <= now + AHEAD_SECONDS:
        raise invalid(
            "The timestamp must lie within 35 days back and 5 minutes ahead.", "timestamp"
        )
    if len(params["identifier"]) > 100:
        raise invalid("An identifier has at most 100 characters.", "identifier")
    meter = meter_named(account, params["event_name"])
    try:
        Decimal(params["payload"].get(meter["value_settings"]["event_payload_key"], ""))
    except InvalidOperation:
        raise invalid("The payload has no numeric value.", "payload") from None


def meter_named(account: Account, event_name: str) -> Resource:
    """Give the active meter of an event name."""
    for meter in account.all(METER):
        if meter["event_name"] == event_name and meter["status"] == "active":
            return meter
    message = f"No active meter found for event name {event_name}."
    raise ApiError(400, message, param="event_name", code="no_meter")


@route("POST", "/v1/billing/meter_event_adjustments", types.MeterEventAdjustmentCreateParams)
def adjust(account: Account, params: Params) -> Resource:
    """Take one reported event back, within a day."""
    identifier = params.get("cancel", {}).get("identifier", "")
    known = account.get(EVENT, f"_me_{identifier}")
    if known is None or known["created"] <= account.now() - DAY:
        raise missing(EVENT, identifier, "cancel[identifier]")
    account.edit(known)["_canceled"] = True
    return {"object": ADJUSTMENT, "livemode": False, "status": "complete", **params}


@route("GET", "/v1/billing/meters/<id>/event_summaries", types.MeterListEventSummariesParams)
def summarize(account: Account, params: Params, id: str) -> Resource:
    """Add up a customer's usage over the whole span that is asked for."""
    meter = account.find(METER, id)
    start, end = params["start_time"], params["end_time"]
    values = [
        Decimal(found["payload"][meter["value_settings"]["event_payload_key"]])
        for found in account.all(EVENT)
        if counts(found, meter, params["customer"]) and start <= found["timestamp"] < end
    ]
    total = {"count": Decimal(len(values)), "last": values[-1] if values else Decimal(0)}
    added = total.get(meter["default_aggregation"]["formula"], sum(values, Decimal(0)))
    whole = {"id": token("mtrusg_"), "object": "billing.meter_event_summary", "livemode": False}
    whole |= {"aggregated_value": float(added), "start_time": start, "end_time": end, "meter": id}
    paging = {name: value for name, value in params.items() if name == "limit"}
    return cut([whole] if values else [], paging, f"/v1/billing/meters/{id}/event_summaries")


def counts(event: Resource, meter: Resource, customer: str) -> bool:
    """Say whether an event is this customer's usage of this meter."""
    key = meter["customer_mapping"]["event_payload_key"]
    mine = event["payload"].get(key) == customer and not event.get("_canceled")
    return mine and bool(event["event_name"] == meter["event_name"])
