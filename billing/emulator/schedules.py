"""Subscription schedules: changes planned ahead, phase by phase."""

import copy

from stripe import params as types

from billing.emulator.account import Account, Resource, shown_as, token
from billing.emulator.ending import cancel_now
from billing.emulator.errors import invalid, missing_parameter
from billing.emulator.periods import boundary
from billing.emulator.prices import plan_of, recurring_price
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.subscriptions.changes import change_subscription
from billing.emulator.subscriptions.shape import ends_at, items
from billing.emulator.tax_rates import named, shown
from billing.emulator.writing import apply, merged

KIND = "subscription_schedule"

retrievable("/v1/subscription_schedules/<id>", KIND, types.SubscriptionScheduleRetrieveParams)
listable(
    "/v1/subscription_schedules",
    KIND,
    types.SubscriptionScheduleListParams,
    {"scheduled": lambda found, wanted: (found["status"] == "not_started") == wanted},
)

NO_INVOICE_SETTINGS = dict.fromkeys(
    ("account_tax_ids", "custom_fields", "days_until_due", "description", "footer")
)
DEFAULTS: Resource = {
    "application_fee_percent": None,
    "billing_cycle_anchor": "automatic",
    "billing_thresholds": None,
    "collection_method": "charge_automatically",
    "default_payment_method": None,
    "description": None,
    "invoice_settings": {**NO_INVOICE_SETTINGS, "issuer": {"type": "self"}},
    "on_behalf_of": None,
    "transfer_data": None,
}
TERMS = ("billing_thresholds", "collection_method", "default_tax_rates")
"""What a phase begins with from its subscription and gives to it, beside discounts."""

ITEM_TERMS = ("billing_thresholds", "tax_rates")
NO_DISCOUNT = dict.fromkeys(("coupon", "discount", "promotion_code"))

PHASE: Resource = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "invoice_settings": None,
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "transfer_data": None,
    "trial_end": None,
}


@route("POST", "/v1/subscription_schedules", types.SubscriptionScheduleCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Put a subscription under a schedule whose first phase is what it is now."""
    if "from_subscription" not in params:
        raise missing_parameter("from_subscription")
    wanted = params["from_subscription"]
    subscription = account.find("subscription", wanted, "from_subscription")
    if subscription["schedule"]:
        raise invalid("The subscription is attached to a schedule already.", "from_subscription")
    schedule = account.add(schedule_of(account, subscription))
    with account.changing(subscription):
        subscription["schedule"] = schedule["id"]
    account.emit(f"{KIND}.created", schedule)
    return schedule


def schedule_of(account: Account, subscription: Resource) -> Resource:
    """Make the schedule of a subscription that goes on as it is until its period ends."""
    start = max(int(item["current_period_start"]) for item in items(subscription))
    told = [
        {"quantity": None, **{name: item[name] for name in ("price", *ITEM_TERMS, "metadata")}}
        | ({"quantity": item["quantity"]} if "quantity" in item else {})
        for item in items(subscription)
    ]
    span = {"start_date": start, "end_date": ends_at(subscription)}
    terms = {name: copy.deepcopy(subscription[name]) for name in TERMS}
    terms["discounts"] = [{"discount": id} for id in subscription["discounts"]]
    phase = phase_of(account, subscription, {**terms, **span, "items": told})
    return {
        "id": token("sub_sched_"),
        "object": KIND,
        "application": None,
        "billing_mode": copy.deepcopy(subscription["billing_mode"]),
        "canceled_at": None,
        "completed_at": None,
        "created": account.now(subscription["customer"]),
        "current_phase": span,
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": copy.deepcopy(DEFAULTS)
        | {"collection_method": subscription["collection_method"]},
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": [phase],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


def phase_of(account: Account, subscription: Resource, told: Params) -> Resource:
    """Make a phase with both of its dates from what was told of it."""
    lines = [item_of(account, each, f"items[{n}]") for n, each in enumerate(told["items"])]
    kept: Resource = {name: told[name] for name in PHASE if name in told}
    kept["default_tax_rates"] = named(account, kept.get("default_tax_rates", []), "phases")
    kept["discounts"] = [{**NO_DISCOUNT, **each} for each in kept.get("discounts") or []]
    dates = {"start_date": told["start_date"], "end_date": told["end_date"]}
    phase = {**copy.deepcopy(PHASE), "currency": subscription["currency"], "items": lines}
    return {**phase, **kept, **dates}


def item_of(account: Account, told: Params, path: str) -> Resource:
    """Make one item of a phase."""
    price = recurring_price(account, told, path)
    metered = price["recurring"]["usage_type"] == "metered"
    quantity = None if metered else told.get("quantity", 1)
    return {
        "billing_thresholds": told.get("billing_thresholds"),
        "discounts": [],
        "metadata": merged({}, told.get("metadata", {})),
        "plan": plan_of(price)["id"],
        "price": price["id"],
        **({} if quantity is None else {"quantity": quantity}),
        "tax_rates": named(account, told.get("tax_rates", []), f"{path}[tax_rates]"),
    }


@shown_as(KIND)
def show(account: Account, schedule: Resource) -> Resource:
    """Show a schedule with the whole tax rates of its phases and their items."""
    for phase in schedule["phases"]:
        phase["default_tax_rates"] = shown(account, phase["default_tax_rates"])
        for item in phase["items"]:
            item["tax_rates"] = shown(account, item["tax_rates"])
    return schedule


@route("POST", "/v1/subscription_schedules/<id>", types.SubscriptionScheduleUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Plan the phases anew; the one in progress keeps its start."""
    schedule = account.find(KIND, id)
    refuse_if_over(schedule)
    subscription = account.find("subscription", schedule["subscription"])
    with account.changing(schedule):
        if told := params.pop("phases", None):
            schedule["phases"] = planned(account, subscription, told, schedule)
            schedule["current_phase"] = dates(schedule["phases"][0])
            enter_phase(account, schedule, subscription, schedule["phases"][0])
        schedule["default_settings"].update(params.pop("default_settings", {}))
        params.pop("proration_behavior", None)
        apply(schedule, params)
    return schedule


def planned(
    account: Account, subscription: Resource, told: list[Params], schedule: Resource
) -> list[Resource]:
    """Give the phases one after the other, each beginning where the last one ends."""
    start = schedule["current_phase"]["start_date"]
    if told[0].get("start_date", start) != start:
        raise invalid("You can not modify the start date of the current phase.", "phases[0]")
    phases: list[Resource] = []
    for number, each in enumerate(told):
        end = phase_end(account, each, start, number)
        phases.append(
            phase_of(account, subscription, {**each, "start_date": start, "end_date": end})
        )
        start = end
    return phases


def phase_end(account: Account, told: Params, start: int, number: int) -> int:
    """Give when a phase ends: as told, after a duration, else after one interval of its price."""
    if isinstance(told.get("end_date"), int):
        return int(told["end_date"])
    if duration := told.get("duration"):
        return boundary(start, {"interval_count": 1, **duration}, 1)
    price = recurring_price(account, told["items"][0], f"phases[{number}][items][0]")
    return boundary(start, price["recurring"], 1)


def dates(phase: Resource) -> Resource:
    """Give the two dates of a phase."""
    return {"start_date": phase["start_date"], "end_date": phase["end_date"]}


def refuse_if_over(schedule: Resource) -> None:
    """Refuse to touch a schedule that has ended."""
    if schedule["status"] not in ("active", "not_started"):
        raise invalid(f"The schedule is {schedule['status']}.")


@route("POST", "/v1/subscription_schedules/<id>/release", types.SubscriptionScheduleReleaseParams)
def release(account: Account, params: Params, id: str) -> Resource:
    """Leave the subscription as it is now, without a schedule."""
    schedule = account.find(KIND, id)
    refuse_if_over(schedule)
    let_go(account, schedule)
    return schedule


def let_go(account: Account, schedule: Resource) -> None:
    """Detach a schedule from its subscription."""
    subscription = account.find("subscription", schedule["subscription"])
    with account.changing(subscription):
        subscription["schedule"] = None
    with account.changing(schedule, f"{KIND}.released"):
        schedule.update(status="released", released_subscription=subscription["id"])
        schedule.update(subscription=None, current_phase=None)
        schedule["released_at"] = account.now(schedule["customer"])


@route("POST", "/v1/subscription_schedules/<id>/cancel", types.SubscriptionScheduleCancelParams)
def cancel(account: Account, params: Params, id: str) -> Resource:
    """End the schedule and its subscription now."""
    schedule = account.find(KIND, id)
    refuse_if_over(schedule)
    subscription = account.find("subscription", schedule["subscription"])
    cancel_now(account, subscription, account.now(schedule["customer"]))
    return schedule


# As time passes


def phase_over(schedule: Resource) -> int | None:
    """A phase is over at its end."""
    return schedule["current_phase"]["end_date"] if schedule["status"] == "active" else None


def begin_next_phase(account: Account, schedule: Resource) -> None:
    """Change the subscription to what the next phase says; after the last one end or let go."""
    over = schedule["current_phase"]["end_date"]
    ahead = [phase for phase in schedule["phases"] if phase["start_date"] >= over]
    if not ahead:
        return finish(account, schedule, over)
    with account.changing(schedule):
        schedule["current_phase"] = dates(ahead[0])
    subscription = account.find("subscription", schedule["subscription"])
    enter_phase(account, schedule, subscription, ahead[0])
    return None


def enter_phase(
    account: Account, schedule: Resource, subscription: Resource, phase: Resource
) -> None:
    """Make the subscription what the phase says; a term that it leaves out is gone."""
    told = change_to(subscription, phase)
    if told["collection_method"] is None:
        told["collection_method"] = schedule["default_settings"]["collection_method"]
    change_subscription(account, subscription, told)


def finish(account: Account, schedule: Resource, over: int) -> None:
    """Do what the schedule's end behaviour says."""
    if schedule["end_behavior"] == "cancel":
        subscription = account.find("subscription", schedule["subscription"])
        return cancel_now(account, subscription, over)
    return let_go(account, schedule)


def change_to(subscription: Resource, phase: Resource) -> Params:
    """Give the update that turns a subscription's items into those of a phase."""
    wanted = [
        {
            name: each[name]
            for name in ("price", "quantity", "metadata", *ITEM_TERMS)
            if name in each
        }
        for each in phase["items"]
    ]
    present = items(subscription)
    changed = [{**told, "id": item["id"]} for told, item in zip(wanted, present, strict=False)]
    gone = [{"id": item["id"], "deleted": True} for item in present[len(wanted) :]]
    told = {"items": [*changed, *wanted[len(present) :], *gone], "metadata": phase["metadata"]}
    discounts = [{n: v for n, v in each.items() if v} for each in phase["discounts"]]
    terms = {name: phase[name] for name in TERMS} | {"discounts": discounts}
    return {**told, **terms, "proration_behavior": phase["proration_behavior"]}
