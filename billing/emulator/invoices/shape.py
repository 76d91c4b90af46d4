"""What does an invoice consist of? Its lines and sums."""

import copy

from billing.emulator.account import Account, Resource, shown_as, token
from billing.emulator.ending import subscription_of
from billing.emulator.periods import days

EMBEDDED = 10

BLANK: Resource = {
    "account_country": "US",
    "account_name": "Emulated account",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_account": None,
    "customer_shipping": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "starting_balance": 0,
    "statement_descriptor": None,
    "status": "draft",
    "total_pretax_credit_amounts": [],
    "webhooks_delivered_at": None,
}
NO_PAYMENT_SETTINGS = {
    "default_mandate": None,
    "payment_method_options": None,
    "payment_method_types": None,
}
NO_TAX = {
    "disabled_reason": None,
    "enabled": False,
    "liability": None,
    "provider": None,
    "status": None,
}


def due_date_of(subscription: Resource, now: int) -> int | None:
    """Return when an invoice of the subscription is due; null where it is charged automatically."""
    if subscription["collection_method"] != "send_invoice":
        return None
    return int(now + days(subscription["days_until_due"] or 0))


def invoice_of(
    account: Account, subscription: Resource, reason: str, lines: list[Resource]
) -> Resource:
    """Make a draft invoice of a subscription from its lines; it is not stored yet."""
    customer = account.find("customer", subscription["customer"])
    now = account.now(customer["id"])
    id = token("in_")
    metadata = dict(subscription["metadata"])
    details = {"metadata": metadata, "subscription": subscription["id"]}
    return {
        "id": id,
        "object": "invoice",
        **copy.deepcopy(BLANK),
        **addressed_to(customer),
        **totals(lines),
        "automatic_tax": dict(NO_TAX),
        "billing_reason": reason,
        "collection_method": subscription["collection_method"],
        "created": now,
        "currency": subscription["currency"],
        "due_date": due_date_of(subscription, now),
        "issuer": {"type": "self"},
        "lines": {"object": "list", "data": lines, "has_more": False, "url": lines_url(id)},
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        },
        "payment_settings": dict(NO_PAYMENT_SETTINGS),
        "period_end": now,
        "period_start": now,
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        "test_clock": customer["test_clock"],
    }


def lines_url(id: str) -> str:
    """Give where all lines of an invoice are listed."""
    return f"/v1/invoices/{id}/lines"


def addressed_to(customer: Resource) -> Resource:
    """Copy what an invoice keeps of its customer."""
    copied = ("address", "email", "name", "phone", "tax_exempt")
    kept = {f"customer_{name}": customer[name] for name in copied}
    return {"customer": customer["id"], "customer_tax_ids": [], **kept}


def totals(lines: list[Resource]) -> Resource:
    """Add up the lines; what is owed is never negative."""
    subtotal = sum(line["amount"] for line in lines)
    discount = sum(taken["amount"] for taken in taken_off(lines))
    total = subtotal - discount
    owed = max(0, total)
    return {
        "amount_due": owed,
        "amount_remaining": owed,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": taken_off(lines),
        "total_excluding_tax": total,
        "total_taxes": [],
    }


def taken_off(lines: list[Resource]) -> list[Resource]:
    """Give what each discount takes off all lines together."""
    sums: dict[str, int] = {}
    for each in lines:
        for taken in each["discount_amounts"]:
            sums[taken["discount"]] = sums.get(taken["discount"], 0) + taken["amount"]
    return [{"amount": amount, "discount": discount} for discount, amount in sums.items()]


def line(
    subscription: Resource,
    item: Resource,
    price: Resource,
    amount: int,
    period: tuple[int, int],
    description: str,
    proration: bool = False,
    quantity: int | None = None,
) -> Resource:
    """Make one line for a subscription item, the amount in minor units."""
    details = {
        "invoice_item": None,
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    counted = item.get("quantity") if quantity is None else quantity
    priced = {"price": price["id"], "product": price["product"]}
    return {
        "id": token("il_"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": dict(item["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": priced,
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": counted,
        "quantity_decimal": None if counted is None else str(counted),
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


@shown_as("invoice")
def show(account: Account, invoice: Resource) -> Resource:
    """Show an invoice with the first lines only."""
    lines = invoice["lines"]
    lines["has_more"] = len(lines["data"]) > EMBEDDED
    lines["data"] = lines["data"][:EMBEDDED]
    return invoice


def behind(account: Account, invoice: Resource) -> Resource | None:
    """Give the subscription that an invoice bills."""
    return account.get("subscription", subscription_of(invoice))
