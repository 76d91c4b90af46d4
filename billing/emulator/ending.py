"""How does a subscription end?"""

from billing.emulator.account import Account, Resource

ENDED = frozenset({"canceled", "incomplete_expired"})


def live(subscription: Resource) -> bool:
    """Say whether a subscription has not ended."""
    return subscription["status"] not in ENDED


def cancel_now(
    account: Account,
    subscription: Resource,
    at: int,
    reason: str = "cancellation_requested",
    details: Resource | None = None,
) -> None:
    """End a subscription; its invoices are no longer collected by themselves."""
    for invoice in invoices_of(account, subscription):
        if invoice["status"] in ("draft", "open"):
            account.edit(invoice)["auto_advance"] = False
            invoice["next_payment_attempt"] = invoice["automatically_finalizes_at"] = None
    account.edit(subscription)["status"] = "canceled"
    subscription["ended_at"] = at
    subscription["canceled_at"] = subscription["canceled_at"] or at
    told = subscription["cancellation_details"]
    told.update(details or {})
    told["reason"] = told["reason"] or reason
    release_schedule(account, subscription, at)
    account.emit("customer.subscription.deleted", subscription)


def invoices_of(account: Account, subscription: Resource) -> list[Resource]:
    """Give the invoices of a subscription, oldest first."""
    return [
        invoice
        for invoice in account.all("invoice")
        if subscription_of(invoice) == subscription["id"]
    ]


def subscription_of(invoice: Resource) -> str | None:
    """Give the id of the subscription behind an invoice."""
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent else None


def release_schedule(account: Account, subscription: Resource, at: int) -> None:
    """End the schedule of a subscription that ends before it."""
    schedule = account.get("subscription_schedule", subscription["schedule"])
    if schedule is not None:
        subscription["schedule"] = None
        with account.changing(schedule, "subscription_schedule.canceled"):
            schedule.update(status="canceled", canceled_at=at, current_phase=None)
