"""How is an invoice collected? Drafted, finalised, charged, retried; its subscription follows."""

import copy

from billing.emulator.account import Account, Resource, token
from billing.emulator.ending import cancel_now, invoices_of, live
from billing.emulator.invoices.shape import behind, invoice_of
from billing.emulator.payments import NO_METHOD, SUCCEEDED, Outcome, attempt, open_intent
from billing.emulator.periods import days


def draft(account: Account, subscription: Resource, reason: str, lines: list[Resource]) -> Resource:
    """Store a draft invoice and make it the subscription's latest."""
    invoice = account.add(invoice_of(account, subscription, reason, lines))
    for each in lines:
        each["invoice"] = invoice["id"]
    account.edit(subscription)["latest_invoice"] = invoice["id"]
    account.emit("invoice.created", invoice)
    return invoice


def finalize(account: Account, invoice: Resource) -> None:
    """Give a draft its number, its page and, when something is owed, its payment."""
    customer = account.edit(account.find("customer", invoice["customer"]))
    now = account.now(customer["id"])
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    customer["next_invoice_sequence"] += 1
    account.edit(invoice)["number"] = number
    page = f"{account.url}/invoices/{invoice['id']}"
    invoice.update(status="open", effective_at=now, automatically_finalizes_at=None)
    invoice.update(hosted_invoice_url=page, invoice_pdf=f"{page}/pdf", ending_balance=0)
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["amount_due"] > 0:
        account.add(payment_of(account, invoice))
    account.emit("invoice.finalized", invoice)


def payment_of(account: Account, invoice: Resource) -> Resource:
    """Make the payment that an open invoice waits for."""
    intent = open_intent(account, invoice["customer"], invoice["amount_due"], invoice["currency"])
    return {
        "id": token("inpay_"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": intent["created"],
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def collect(account: Account, invoice: Resource, present: bool = False) -> Outcome:
    """Charge an open invoice once and let its subscription follow the outcome."""
    if invoice["amount_remaining"] == 0:
        mark_paid(account, invoice)
        follow(account, invoice)
        return SUCCEEDED
    outcome = charge(account, invoice, paying_method(account, invoice), present)
    if outcome.succeeded:
        mark_paid(account, invoice)
    else:
        mark_failed(account, invoice, outcome)
    follow(account, invoice)
    return outcome


def charge(
    account: Account, invoice: Resource, method: Resource | None, present: bool = False
) -> Outcome:
    """Attempt the invoice's payment with a payment method."""
    payment = default_payment(account, invoice)
    if payment is None or method is None:
        return NO_METHOD
    intent = account.find("payment_intent", payment["payment"]["payment_intent"])
    return attempt(account, intent, method, present)


def default_payment(account: Account, invoice: Resource) -> Resource | None:
    """Give the payment that an invoice waits for."""
    payments = account.all("invoice_payment")
    return next((found for found in payments if found["invoice"] == invoice["id"]), None)


def paying_method(account: Account, invoice: Resource) -> Resource | None:
    """Give the card that would be charged: the invoice's, the subscription's, the customer's."""
    subscription = behind(account, invoice)
    customer = account.find("customer", invoice["customer"])
    choices = (
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        customer.get("invoice_settings", {}).get("default_payment_method"),
    )
    chosen = next((choice for choice in choices if choice), None)
    method = account.get("payment_method", chosen)
    return method if method and method["customer"] == customer["id"] else None


def mark_paid(account: Account, invoice: Resource, out_of_band: bool = False) -> None:
    """Record that nothing is owed any more."""
    now = account.now(invoice["customer"])
    payment = default_payment(account, invoice)
    if payment and not out_of_band:
        account.edit(payment).update(status="paid", amount_paid=payment["amount_requested"])
        payment["status_transitions"]["paid_at"] = now
        account.emit("invoice_payment.paid", payment)
    with account.changing(invoice):
        invoice["attempted"] = True
        invoice["attempt_count"] += 1 if payment and not out_of_band else 0
        invoice.update(status="paid", amount_paid=invoice["amount_due"], amount_remaining=0)
        invoice.update(next_payment_attempt=None, auto_advance=False)
        invoice["status_transitions"]["paid_at"] = now
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)


def mark_failed(account: Account, invoice: Resource, outcome: Outcome) -> None:
    """Record a failed attempt and when the next one is due."""
    now = account.now(invoice["customer"])
    waits = account.settings.dunning_days
    with account.changing(invoice):
        tried = invoice["attempt_count"]
        invoice.update(attempted=True, attempt_count=tried + 1)
        again = tried < len(waits) and invoice["billing_reason"] != "subscription_create"
        invoice["next_payment_attempt"] = now + days(waits[tried]) if again else None
    if outcome.needs_action:
        account.emit("invoice.payment_action_required", invoice)
    account.emit("invoice.payment_failed", invoice)


def follow(account: Account, invoice: Resource) -> None:
    """Move the subscription to the status that its invoices leave it in."""
    subscription = behind(account, invoice)
    if subscription is None or not live(subscription):
        return
    if invoice["status"] == "paid" and "_update" in invoice:
        carry_out(account, subscription, invoice["_update"])
    if invoice["status"] == "paid":
        recover(account, subscription)
    elif invoice["billing_reason"] != "subscription_create" and "_update" not in invoice:
        fall_behind(account, subscription, invoice)


def carry_out(account: Account, subscription: Resource, update: Resource) -> None:
    """Make the change that waited for this payment."""
    waited = subscription["pending_update"] is not None
    with account.changing(subscription):
        subscription["items"]["data"] = copy.deepcopy(update["items"])
        subscription["billing_cycle_anchor"] = update["billing_cycle_anchor"]
        subscription["pending_update"] = None
    if waited:
        account.emit("customer.subscription.pending_update_applied", subscription)


def recover(account: Account, subscription: Resource) -> None:
    """Make a subscription active again once none of its invoices is open."""
    owing = any(found["status"] == "open" for found in invoices_of(account, subscription))
    if subscription["status"] in ("incomplete", "past_due", "unpaid") and not owing:
        with account.changing(subscription):
            subscription["status"] = "active"


def fall_behind(account: Account, subscription: Resource, invoice: Resource) -> None:
    """Make a subscription past due or, after the last attempt, what the settings say."""
    last = invoice["next_payment_attempt"] is None
    end = account.settings.dunning_end if last else "past_due"
    if end == "canceled":
        moment = account.now(subscription["customer"])
        return cancel_now(account, subscription, moment, "payment_failed")
    if subscription["status"] in ("active", "past_due", "trialing"):
        with account.changing(subscription):
            subscription["status"] = end
    return None
