"""Subscriptions and their items over the API."""

from typing import Any

from stripe import params as types

from billing.emulator.account import Account, Resource
from billing.emulator.ending import cancel_now, live
from billing.emulator.errors import invalid, missing, missing_parameter
from billing.emulator.listing import cut, page, within
from billing.emulator.routes import Params, retrievable, route
from billing.emulator.subscriptions import changes, pauses, pending
from billing.emulator.subscriptions.creation import create_subscription
from billing.emulator.subscriptions.shape import items


def has_status(subscription: Resource, wanted: str) -> bool:
    """Apply the status filter with its two collective words."""
    if wanted == "ended":
        return not live(subscription)
    return wanted in ("all", subscription["status"])


def has_period(edge: str) -> Any:
    """Make the filter on the start or end of the items' periods."""

    def matches(subscription: Resource, wanted: Any) -> bool:
        bounds = wanted if isinstance(wanted, dict) else {"gte": wanted, "lte": wanted}
        return any(within(item[edge], bounds) for item in items(subscription))

    return matches


FILTERS = {
    "status": has_status,
    "price": lambda found, price: any(item["price"] == price for item in items(found)),
    "current_period_start": has_period("current_period_start"),
    "current_period_end": has_period("current_period_end"),
}

retrievable("/v1/subscriptions/<id>", "subscription", types.SubscriptionRetrieveParams)


@route("GET", "/v1/subscriptions", types.SubscriptionListParams)
def enumerate_subscriptions(account: Account, params: Params) -> Resource:
    """List subscriptions; canceled ones only when a status asks for them."""
    found = account.all("subscription")
    if "status" not in params:
        found = [each for each in found if each["status"] != "canceled"]
    return page(found, params, "/v1/subscriptions", FILTERS)


@route("POST", "/v1/subscriptions", types.SubscriptionCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a subscription."""
    if "customer" not in params:
        raise missing_parameter("customer")
    return create_subscription(account, params)


@route("POST", "/v1/subscriptions/<id>", types.SubscriptionUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a subscription."""
    subscription = account.find("subscription", id)
    if params.get("payment_behavior") == "pending_if_incomplete":
        pending.change_if_paid(account, subscription, params)
    else:
        changes.change_subscription(account, subscription, params)
    return subscription


@route("DELETE", "/v1/subscriptions/<id>", types.SubscriptionCancelParams)
def cancel(account: Account, params: Params, id: str) -> Resource:
    """End a subscription now."""
    subscription = account.find("subscription", id)
    if not live(subscription):
        raise missing("subscription", id)
    at = account.now(subscription["customer"])
    cancel_now(account, subscription, at, details=params.get("cancellation_details"))
    return subscription


@route("POST", "/v1/subscriptions/<id>/pause", types.SubscriptionPauseParams)
def pause(account: Account, params: Params, id: str) -> Resource:
    """Stop a subscription until it is resumed."""
    return pauses.pause(account, account.find("subscription", id))


@route("POST", "/v1/subscriptions/<id>/resume", types.SubscriptionResumeParams)
def resume(account: Account, params: Params, id: str) -> Resource:
    """Go on with a paused subscription."""
    return pauses.resume(account, account.find("subscription", id), params)


@route("GET", "/v1/subscription_items", types.SubscriptionItemListParams)
def enumerate_items(account: Account, params: Params) -> Resource:
    """List every item of one subscription, in the order in which they were added."""
    subscription = account.find("subscription", params["subscription"], "subscription")
    return cut(items(subscription), params, "/v1/subscription_items")


@route("GET", "/v1/subscription_items/<id>", types.SubscriptionItemRetrieveParams)
def retrieve_item(account: Account, params: Params, id: str) -> Resource:
    """Give one item."""
    return with_item(account, id)[1]


def with_item(account: Account, id: str) -> tuple[Resource, Resource]:
    """Give the subscription of an item, and the item."""
    for subscription in account.all("subscription"):
        for item in items(subscription):
            if item["id"] == id:
                return subscription, item
    raise missing("subscription_item", id)


ITEM_ONLY = ("price", "price_data", "quantity", "metadata")


@route("POST", "/v1/subscription_items/<id>", types.SubscriptionItemUpdateParams)
def update_item(account: Account, params: Params, id: str) -> Resource:
    """Change one item, prorated as a change of its subscription is."""
    subscription, item = with_item(account, id)
    told = {name: params.pop(name) for name in ITEM_ONLY if name in params}
    changes.change_subscription(account, subscription, {**params, "items": [{"id": id, **told}]})
    return item


@route("POST", "/v1/subscription_items", types.SubscriptionItemCreateParams)
def create_item(account: Account, params: Params) -> Resource:
    """Add an item to a subscription."""
    subscription = account.find("subscription", params.pop("subscription"), "subscription")
    told = {name: params.pop(name) for name in ITEM_ONLY if name in params}
    changes.change_subscription(account, subscription, {**params, "items": [told]})
    return items(subscription)[-1]


@route("DELETE", "/v1/subscription_items/<id>", types.SubscriptionItemDeleteParams)
def delete_item(account: Account, params: Params, id: str) -> Resource:
    """Remove an item that is not the last."""
    subscription, _ = with_item(account, id)
    if len(items(subscription)) == 1:
        raise invalid("A subscription must have at least one active plan.", "id")
    told = {"id": id, "deleted": True}
    changes.change_subscription(account, subscription, {**params, "items": [told]})
    return {"id": id, "object": "subscription_item", "deleted": True}
