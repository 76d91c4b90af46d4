"""What Stripe does not sell: too much at once, or at a code that is not for this purchase."""

from billing.emulator.account import Account, Resource
from billing.emulator.errors import invalid

MOST = 999_999_99
"""The most that Stripe charges at once, in the currency's minor unit."""


def refuse_too_much(lines: list[Resource]) -> None:
    """Refuse a total over Stripe's limit."""
    if sum(line["amount_total"] for line in lines) > MOST:
        message = "The total amount due must be no more than $999,999.99."
        raise invalid(message, code="amount_too_large")


def refuse_restricted(account: Account, code: Resource, session: Resource, path: str) -> None:
    """Refuse a promotion code whose restrictions the purchase does not meet."""
    restrictions = code["restrictions"]
    least = restrictions["minimum_amount"] or 0
    if session["amount_subtotal"] < least:
        raise invalid(f"This promotion code needs a minimum amount of {least}.", path)
    if code["customer"] not in (None, session["customer"]):
        raise invalid("This promotion code belongs to another customer.", path)
    invoices = account.all("invoice") if session["customer"] else []
    if restrictions["first_time_transaction"] and any(
        (invoice["customer"], invoice["status"]) == (session["customer"], "paid")
        for invoice in invoices
    ):
        message = "cannot be redeemed because the associated customer has prior transactions."
        raise invalid(f"This promotion code {message}", path)
