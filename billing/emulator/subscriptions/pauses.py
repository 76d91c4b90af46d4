"""How does a subscription stop for a while, and go on?"""

from billing.emulator.account import Account, Resource
from billing.emulator.errors import invalid
from billing.emulator.invoices.collection import collect, draft, finalize
from billing.emulator.routes import Params
from billing.emulator.subscriptions.changes import begin_new_period
from billing.emulator.subscriptions.shape import items


def pause(account: Account, subscription: Resource) -> Resource:
    """Pause: no invoices, the period stands still."""
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise invalid(f"A subscription that is {subscription['status']} cannot be paused.")
    if subscription["billing_mode"]["type"] != "flexible" or subscription["schedule"]:
        raise invalid("Only flexible subscriptions without a schedule can be paused.")
    enter_pause(account, subscription, "pause_requested")
    return subscription


def enter_pause(account: Account, subscription: Resource, reason: str) -> None:
    """Set the status with its reason and tell of it."""
    at = account.now(subscription["customer"])
    with account.changing(subscription):
        subscription["status"] = "paused"
        paused = {"subscription": {"type": reason}, "transitioned_at": at, "type": "subscription"}
        subscription["status_details"] = {"paused": paused}
    account.emit("customer.subscription.paused", subscription)


def resume(account: Account, subscription: Resource, params: Params) -> Resource:
    """Go on, in a new period unless the old one is kept."""
    if subscription["status"] != "paused":
        raise invalid("Only a paused subscription can be resumed.")
    anchor = params.get("billing_cycle_anchor", {}).get("type", "now")
    at = account.now(subscription["customer"])
    over = any(item["current_period_end"] <= at for item in items(subscription))
    lines: list[Resource] = []
    with account.changing(subscription):
        subscription["status"] = "active"
        del subscription["status_details"]
        if anchor == "now" or over:
            lines = begin_new_period(account, subscription, at)
    account.emit("customer.subscription.resumed", subscription)
    if lines:
        invoice = draft(account, subscription, "subscription_update", lines)
        finalize(account, invoice)
        collect(account, invoice)
    return subscription
