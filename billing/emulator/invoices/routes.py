"""Invoices and their payments over the API."""

from stripe import params as types

from billing.emulator.account import Account, Resource
from billing.emulator.ending import subscription_of
from billing.emulator.errors import invalid
from billing.emulator.expansion import included_in
from billing.emulator.invoices.collection import (
    collect,
    default_payment,
    finalize,
    follow,
    mark_paid,
)
from billing.emulator.listing import cut, listing
from billing.emulator.payment_methods import attached
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.subscriptions.creation import payment_refused
from billing.emulator.writing import apply

retrievable("/v1/invoices/<id>", "invoice", types.InvoiceRetrieveParams)
listable(
    "/v1/invoices",
    "invoice",
    types.InvoiceListParams,
    {"subscription": lambda invoice, id: subscription_of(invoice) == id},
)
retrievable("/v1/invoice_payments/<id>", "invoice_payment", types.InvoicePaymentRetrieveParams)
listable(
    "/v1/invoice_payments",
    "invoice_payment",
    types.InvoicePaymentListParams,
    {"payment": lambda found, wanted: wanted.items() <= found["payment"].items()},
)


@route("GET", "/v1/invoices/<id>/lines", types.InvoiceLineItemListParams)
def enumerate_lines(account: Account, params: Params, id: str) -> Resource:
    """List every line of an invoice."""
    invoice = account.find("invoice", id)
    return cut(invoice["lines"]["data"], params, invoice["lines"]["url"])


@route("POST", "/v1/invoices/<id>", types.InvoiceUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change metadata, description or automatic collection."""
    invoice = account.find("invoice", id)
    with account.changing(invoice):
        apply(invoice, params)
    return invoice


@route("POST", "/v1/invoices/<id>/finalize", types.InvoiceFinalizeInvoiceParams)
def finalize_invoice(account: Account, params: Params, id: str) -> Resource:
    """Open a draft; an automatic one is collected at once."""
    invoice = account.find("invoice", id)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized.")
    finalize(account, invoice)
    if params.get("auto_advance", invoice["auto_advance"]):
        collect(account, invoice)
    return invoice


@route("POST", "/v1/invoices/<id>/pay", types.InvoicePayParams)
def pay(account: Account, params: Params, id: str) -> Resource:
    """Collect an invoice now; a failure is 402, and the attempt is counted."""
    invoice = account.find("invoice", id)
    if invoice["status"] == "draft":
        finalize(account, invoice)
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"Invoice is already {invoice['status']}", code="invoice_not_payable")
    if params.get("paid_out_of_band"):
        mark_paid(account, invoice, out_of_band=True)
        follow(account, invoice)
        return invoice
    if method := params.get("payment_method"):
        chosen = attached(account, method, invoice["customer"])["id"]
        account.edit(invoice)["default_payment_method"] = chosen
    outcome = collect(account, invoice, present=params.get("off_session") is False)
    if not outcome.succeeded:
        refusal = payment_refused(outcome)
        refusal.keeps_changes = True
        raise refusal
    return invoice


@route("POST", "/v1/invoices/<id>/void", types.InvoiceVoidInvoiceParams)
def void_invoice(account: Account, params: Params, id: str) -> Resource:
    """Declare an open invoice void."""
    return close(account, account.find("invoice", id), "void", "voided")


@route("POST", "/v1/invoices/<id>/mark_uncollectible", types.InvoiceMarkUncollectibleParams)
def mark_uncollectible(account: Account, params: Params, id: str) -> Resource:
    """Give an open invoice up."""
    invoice = account.find("invoice", id)
    return close(account, invoice, "uncollectible", "marked_uncollectible")


def close(account: Account, invoice: Resource, status: str, event: str) -> Resource:
    """Take an open invoice out of collection."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"An invoice that is {invoice['status']} cannot become {status}.")
    moment = account.now(invoice["customer"])
    with account.changing(invoice):
        invoice.update(status=status, next_payment_attempt=None, auto_advance=False)
        invoice["status_transitions"][f"{event}_at"] = moment
        if status == "void":
            invoice["amount_remaining"] = 0
    account.emit(f"invoice.{event}", invoice)
    return invoice


@included_in("invoice", "payments")
def payments(account: Account, invoice: Resource) -> Resource:
    """Show the payments of an invoice."""
    every = account.all("invoice_payment")
    mine = [account.view(found) for found in every if found["invoice"] == invoice["id"]]
    return listing(mine, False, f"/v1/invoice_payments?invoice={invoice['id']}")


@included_in("invoice", "confirmation_secret")
def confirmation_secret(account: Account, invoice: Resource) -> Resource | None:
    """Show what a page needs to confirm the payment."""
    payment = default_payment(account, invoice)
    if payment is None:
        return None
    intent = account.find("payment_intent", payment["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}
