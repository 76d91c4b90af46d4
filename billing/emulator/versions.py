"""What did an object look like in an older API version? For endpoints and clients pinned to one."""

from collections.abc import Callable
from typing import Any

from billing.emulator.account import Account, Resource, difference
from billing.emulator.invoices.collection import default_payment

CLOVER, BASIL, PRICES = "2025-09-30", "2025-03-31", "2020-08-27"

Rewrite = Callable[[Account, Resource], Resource]


def in_version(account: Account, shown: Any, version: str | None) -> Any:
    """Give what is shown, and everything inside it, in the shape of a version (None: as it is)."""
    if not version or version >= CLOVER:
        return shown
    if isinstance(shown, list):
        return [in_version(account, each, version) for each in shown]
    if not isinstance(shown, dict):
        return shown
    for until, kind, rewrite in REWRITES:
        if version < until and shown.get("object") == kind:
            shown = rewrite(account, shown)
    return {name: in_version(account, value, version) for name, value in shown.items()}


def event_in_version(account: Account, event: Resource, version: str | None) -> Resource:
    """Give an event as an endpoint of that version gets it, the earlier values too."""
    if not version or version == event["api_version"]:
        return event
    told = event["data"]
    now = in_version(account, told["object"], version)
    data = {"object": now}
    if "previous_attributes" in told:
        before = in_version(account, overlaid(told["object"], told["previous_attributes"]), version)
        data["previous_attributes"] = difference(before, now)
    return {**event, "api_version": version, "data": data}


def overlaid(after: Resource, previous: Resource) -> Resource:
    """Give an object as it was, from what it is and what changed."""
    before = dict(after)
    for name, old in previous.items():
        nested = isinstance(old, dict) and isinstance(after.get(name), dict)
        before[name] = overlaid(after[name], old) if nested else old
    return before


def subscription_with_period(account: Account, shown: Resource) -> Resource:
    """Before basil the period stood on the subscription."""
    edges = ("current_period_start", "current_period_end")
    first = shown["items"]["data"][0]
    bare = [without(item, *edges) for item in shown["items"]["data"]]
    period = {edge: first[edge] for edge in edges if edge in first}
    return {**shown, **period, "items": {**shown["items"], "data": bare}}


def subscription_with_plan(account: Account, shown: Resource) -> Resource:
    """Before prices a subscription had plans, and named the only one itself."""
    bare = [without(item, "price") for item in shown["items"]["data"]]
    single = bare[0] if len(bare) == 1 else {}
    named = {"plan": single.get("plan"), "quantity": single.get("quantity")}
    return {**shown, **named, "items": {**shown["items"], "data": bare}}


def invoice_with_subscription(account: Account, shown: Resource) -> Resource:
    """Before basil an invoice named its subscription, its payment and its charge."""
    details = (shown["parent"] or {}).get("subscription_details") or {}
    payment = default_payment(account, shown) if shown.get("id") else None
    intent = payment["payment"]["payment_intent"] if payment else None
    paid_by = account.get("payment_intent", intent)
    return {
        **without(shown, "parent"),
        "charge": paid_by["latest_charge"] if paid_by else None,
        "paid": shown["status"] == "paid",
        "payment_intent": intent,
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata", {})},
    }


def charge_with_invoice(account: Account, shown: Resource) -> Resource:
    """Before basil a charge named its invoice."""
    for payment in account.all("invoice_payment"):
        if payment["payment"]["payment_intent"] == shown["payment_intent"]:
            return {**shown, "invoice": payment["invoice"]}
    return {**shown, "invoice": None}


def discount_with_coupon(account: Account, shown: Resource) -> Resource:
    """Before clover a discount held its coupon."""
    coupon = account.get("coupon", shown["source"]["coupon"])
    return {**without(shown, "source"), "coupon": account.view(coupon) if coupon else None}


def without(shown: Resource, *names: str) -> Resource:
    """Leave fields out."""
    return {name: value for name, value in shown.items() if name not in names}


# Newest first; each rewrites what the one before it leaves.
REWRITES: list[tuple[str, str, Rewrite]] = [
    (CLOVER, "discount", discount_with_coupon),
    (BASIL, "subscription", subscription_with_period),
    (BASIL, "invoice", invoice_with_subscription),
    (BASIL, "charge", charge_with_invoice),
    (PRICES, "subscription", subscription_with_plan),
]
