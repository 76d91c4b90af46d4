"""The page on which a customer pays an open invoice."""

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from billing.emulator.account import Account
from billing.emulator.acting import Announce, acting
from billing.emulator.errors import ApiError
from billing.emulator.invoices.collection import collect
from billing.emulator.payment_methods import attached, card

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def invoice_pages(account: Account, announce: Announce) -> Blueprint:
    """Make the invoice pages of an account."""
    pages = Blueprint("invoices", __name__)

    @pages.get("/invoices/<id>")
    def show(id: str) -> ResponseReturnValue:
        """Show an invoice."""
        return rendered(account, id)

    @pages.post("/invoices/<id>")
    def pay(id: str) -> ResponseReturnValue:
        """Pay with the chosen card, which becomes the customer's default."""
        try:
            with acting(account, announce):
                pay_with(account, id, request.form.get("card", ""))
        except ApiError as refusal:
            return rendered(account, id, str(refusal), refusal.status)
        return rendered(account, id)

    @pages.get("/invoices/<id>/pdf")
    def pdf(id: str) -> ResponseReturnValue:
        """Give an empty document."""
        account.find("invoice", id)
        return Response(PDF, content_type="application/pdf")

    return pages


def pay_with(account: Account, id: str, number: str) -> None:
    """Charge a new card for an open invoice, the customer being present."""
    invoice = account.find("invoice", id)
    if invoice["status"] != "open":
        raise ApiError(409, f"This invoice is {invoice['status']}.")
    method = account.add(card(account, number))
    attached(account, method["id"], invoice["customer"])
    account.edit(invoice)["default_payment_method"] = method["id"]
    customer = account.find("customer", invoice["customer"])
    with account.changing(customer):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    collect(account, invoice, present=True)


def rendered(account: Account, id: str, refusal: str = "", status: int = 200) -> tuple[str, int]:
    """Give the page in its present state."""
    invoice = account.get("invoice", id)
    if invoice is None:
        return render_template("gone.html", reason="There is no such invoice."), 404
    return render_template("invoice.html", invoice=invoice, refusal=refusal), status
