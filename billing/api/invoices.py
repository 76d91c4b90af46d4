"""What was the caller billed?"""

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import UUID, Boolean, DateTime, Integer, List, Nested, String
from apiflask.validators import Range

from billing.identity import caller
from billing.sales.invoices import invoices_of

invoices = APIBlueprint("invoices", __name__, url_prefix="/v1/subscription", tag="Subscription")


class InvoicesQuery(Schema):
    """Which page, and whether its addresses must work now."""

    limit = Integer(load_default=20, validate=Range(1, 100))
    cursor = UUID(load_default=None)
    fresh = Boolean(load_default=False)


class InvoiceResponse(Schema):
    """One invoice; amounts are in the currency's minor unit (JPY 500 is 500 yen)."""

    id = UUID(required=True)
    number = String(required=True, allow_none=True)
    status = String(required=True, allow_none=True)
    currency = String(required=True)
    total = Integer(required=True)
    amount_due = Integer(required=True)
    amount_paid = Integer(required=True)
    period_start = DateTime(required=True, allow_none=True)
    period_end = DateTime(required=True, allow_none=True)
    issued_at = DateTime(required=True)
    hosted_invoice_url = String(required=True, allow_none=True)
    invoice_pdf = String(required=True, allow_none=True)


class InvoicesResponse(Schema):
    """A page of invoices, the newest first; a null `next_cursor` is the last page's."""

    invoices = List(Nested(InvoiceResponse), required=True)
    next_cursor = UUID(required=True, allow_none=True)


@invoices.get("/invoices")
@invoices.doc(responses={422: "`invalid`: the cursor was not given to this caller."})
@invoices.input(InvoicesQuery, location="query")
@invoices.output(InvoicesResponse)
def list_invoices(query_data: dict[str, Any]) -> dict[str, Any]:
    """List the caller's invoices; `fresh` fetches them from Stripe first."""
    return asdict(invoices_of(caller().user_id, **query_data))
