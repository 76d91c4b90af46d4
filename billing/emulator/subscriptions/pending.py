"""How does a change wait for its payment?"""

import copy

from billing.emulator.account import Account, Resource
from billing.emulator.invoices.collection import collect, draft, finalize
from billing.emulator.periods import HOUR
from billing.emulator.routes import Params
from billing.emulator.subscriptions.billing import held
from billing.emulator.subscriptions.changes import apply_change
from billing.emulator.subscriptions.shape import items

PENDING_HOURS = 23


def change_if_paid(account: Account, subscription: Resource, params: Params) -> None:
    """Apply an update when its invoice is paid; until then it is pending, for 23 hours."""
    at = account.now(subscription["customer"])
    wanted = rehearsed(account, subscription, params)
    if not wanted["lines"]:
        apply_change(account, subscription, params)
        return
    held(account, subscription)  # the rehearsed lines hold them already
    invoice = draft(account, subscription, "subscription_update", wanted.pop("lines"))
    account.edit(invoice)["_update"] = wanted
    finalize(account, invoice)
    if not collect(account, invoice).succeeded:
        with account.changing(subscription):
            subscription["pending_update"] = pending(wanted, at + PENDING_HOURS * HOUR)


def rehearsed(account: Account, subscription: Resource, params: Params) -> Resource:
    """Give what an update would bring: items, anchor and the lines of an invoice due at once."""

    def act() -> Resource:
        invoice = apply_change(account, subscription, params)
        lines = invoice["lines"]["data"] if invoice else []
        anchor = subscription["billing_cycle_anchor"]
        return {"items": items(subscription), "billing_cycle_anchor": anchor, "lines": lines}

    return copy.deepcopy(account.rehearse(act))


def pending(wanted: Resource, expires_at: int) -> Resource:
    """Describe an update that waits for its payment."""
    return {
        "billing_cycle_anchor": wanted["billing_cycle_anchor"],
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": None,
        "expires_at": expires_at,
        "metadata": None,
        "subscription_items": wanted["items"],
        "trial_end": None,
        "trial_from_plan": False,
    }
