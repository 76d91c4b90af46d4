"""What does a subscription consist of? Its fields and its items."""

import copy

from billing.emulator.account import Account, Resource, shown_as, token
from billing.emulator.invoices.shape import EMBEDDED
from billing.emulator.periods import next_boundary
from billing.emulator.prices import plan_of
from billing.emulator.routes import Params
from billing.emulator.tax_rates import shown
from billing.emulator.writing import merged

BLANK: Resource = {
    "application": None,
    "application_fee_percent": None,
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "ended_at": None,
    "latest_invoice": None,
    "livemode": False,
    "managed_payments": None,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_start": None,
}


def subscription_of_customer(
    account: Account, customer: Resource, params: Params, currency: str
) -> Resource:
    """Make a subscription that starts now, not yet stored; its items follow."""
    now = account.now(customer["id"])
    id = token("sub_")
    mode = params.get("billing_mode", {}).get("type", "flexible")
    flexible = {"proration_discounts": "included"} if mode == "flexible" else None
    return {
        "id": id,
        "object": "subscription",
        **copy.deepcopy(BLANK),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None}
        | params.get("automatic_tax", {}),
        "billing_cycle_anchor": params.get("billing_cycle_anchor", now),
        "billing_mode": {"flexible": flexible, "type": mode, "updated_at": now},
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "invoice_settings": {
            **dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer")),
            "issuer": {"type": "self"},
        },
        "items": {"object": "list", "data": [], "has_more": False, "url": items_url(id)},
        "metadata": merged({}, params.get("metadata", {})),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        }
        | params.get("payment_settings", {}),
        "start_date": now,
        "status": "active",
        "test_clock": customer["test_clock"],
        "trial_settings": trial_settings(params.get("trial_settings")),
    }


def trial_settings(told: Resource | None) -> Resource:
    """Complete what is to happen when a trial ends without a payment method."""
    behaviour = (told or {}).get("end_behavior", {}).get("missing_payment_method")
    default = {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}
    return {"end_behavior": default | ({"missing_payment_method": behaviour} if behaviour else {})}


def items_url(id: str) -> str:
    """Give where all items of a subscription are listed."""
    return f"/v1/subscription_items?subscription={id}"


def item_of(subscription: Resource, price: Resource, told: Params, start: int) -> Resource:
    """Make an item whose period starts at a moment; the price is kept by its id."""
    metered = price["recurring"]["usage_type"] == "metered"
    quantity = {} if metered else {"quantity": told.get("quantity", 1)}
    return {
        "id": token("si_", 14),
        "object": "subscription_item",
        "billing_thresholds": told.get("billing_thresholds") or None,
        "created": start,
        "current_period_end": period_end(subscription, price, start),
        "current_period_start": start,
        "current_trial": None,
        "discounts": [],
        "metadata": merged({}, told.get("metadata", {})),
        "price": price["id"],
        **quantity,
        "subscription": subscription["id"],
        "tax_rates": list(told.get("tax_rates") or []),
    }


def period_end(subscription: Resource, price: Resource, start: int) -> int:
    """Give the end of the period that a moment begins or lies in."""
    trial_end = subscription["trial_end"]
    if trial_end and trial_end > start:
        return int(trial_end)
    return next_boundary(subscription["billing_cycle_anchor"], price["recurring"], start)


def items(subscription: Resource) -> list[Resource]:
    """Give the stored items, all of them."""
    stored: list[Resource] = subscription["items"]["data"]
    return stored


def price_of(account: Account, item: Resource) -> Resource:
    """Give the price of an item as it is now."""
    return account.find("price", item["price"])


def ends_at(subscription: Resource) -> int:
    """Give the end of the period that runs longest."""
    return max(int(item["current_period_end"]) for item in items(subscription))


@shown_as("subscription")
def show(account: Account, subscription: Resource) -> Resource:
    """Show a subscription with the first items, each with its whole price."""
    subscription["default_tax_rates"] = shown(account, subscription["default_tax_rates"])
    every = subscription["items"]
    every["has_more"] = len(every["data"]) > EMBEDDED
    every["data"] = [show_item(account, item) for item in every["data"][:EMBEDDED]]
    if waiting := subscription["pending_update"]:
        ahead = waiting["subscription_items"]
        waiting["subscription_items"] = [show_item(account, item) for item in ahead]
    return subscription


@shown_as("subscription_item")
def show_item(account: Account, item: Resource) -> Resource:
    """Show an item with its price and the plan of old."""
    price = account.view(price_of(account, item))
    rates = shown(account, item["tax_rates"])
    return {**item, "price": price, "plan": plan_of(price), "tax_rates": rates}
