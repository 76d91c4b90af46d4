"""What would an invoice come to? The change is made, looked at, and taken back."""

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.ending import live
from billing.emulator.errors import ApiError, missing_parameter
from billing.emulator.invoices.collection import draft
from billing.emulator.routes import Params, route
from billing.emulator.subscriptions.billing import held, period_lines
from billing.emulator.subscriptions.changes import apply_change
from billing.emulator.subscriptions.creation import build
from billing.emulator.subscriptions.shape import items, period_end, price_of


@route("POST", "/v1/invoices/create_preview", types.InvoiceCreatePreviewParams)
def preview(account: Account, params: Params) -> Resource:
    """Show the next invoice, with a change that was not made or a subscription not bought."""
    details = params.get("subscription_details", {})
    if "subscription" in params:
        subscription = account.find("subscription", params["subscription"], "subscription")
        shown = account.rehearse(lambda: upcoming(account, subscription, details))
    elif "customer" in params:
        customer = account.find("customer", params["customer"], "customer")
        shown = account.rehearse(lambda: first(account, customer, details))
    else:
        raise missing_parameter("subscription")
    return {**shown, "id": token("upcoming_in_"), "number": None}


def first(account: Account, customer: Resource, details: Params) -> Resource:
    """Give the first invoice of a subscription that might be bought."""
    subscription = account.add(build(account, customer, details))
    free = subscription["status"] == "trialing"
    lines = period_lines(account, subscription, items(subscription), free)
    return draft(account, subscription, "subscription_create", lines)


def upcoming(account: Account, subscription: Resource, details: Params) -> Resource:
    """Give the invoice that a change would cause at once, else that of the next renewal."""
    changed = apply_change(account, subscription, details)
    return changed or renewal(account, subscription)


def renewal(account: Account, subscription: Resource) -> Resource:
    """Give the invoice of the next renewal; there is none once the end is planned."""
    if not live(subscription) or subscription["cancel_at"]:
        message = "No upcoming invoices for this subscription."
        raise ApiError(400, message, code="invoice_upcoming_none")
    due = items(account.edit(subscription))
    for item in due:
        start = item["current_period_end"]
        item["current_period_start"] = start
        item["current_period_end"] = period_end(subscription, price_of(account, item), start)
    lines = [*held(account, subscription), *period_lines(account, subscription, due)]
    return draft(account, subscription, "upcoming", lines)
