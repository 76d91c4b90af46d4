"""What was billed, since when is it owed, and what does it need of the customer?"""

from datetime import datetime

import sqlalchemy as sa

from billing import clock
from billing.database import UtcDateTime, insert, reading
from billing.database.built import once, send, table
from billing.models import Invoice, InvoiceAction, Status
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import InvoiceSnapshot, SubscriptionSnapshot
from billing.stripe_sync.projection import OWING

INVOICES = table(Invoice)
OPEN = (
    sa.select(INVOICES.c.stripe_invoice_id)
    .where(INVOICES.c.stripe_customer_id == sa.bindparam("customer"), INVOICES.c.status == "open")
    .limit(1)
)


def fetch(
    gateway: StripeGateway,
    customer_id: str,
    subscriptions: list[SubscriptionSnapshot],
    *,
    asked: bool,
) -> list[InvoiceSnapshot]:
    """All invoices if an event asked, or if one is open here; the open ones if money is owed."""
    with reading():
        one_is_open = send(OPEN, customer=customer_id).first() is not None
    if asked or one_is_open:
        return gateway.invoices_of(customer_id)
    if any(Status.read(snapshot.status) in OWING for snapshot in subscriptions):
        return gateway.invoices_of(customer_id, status="open")
    return []


def actions(gateway: StripeGateway, invoices: list[InvoiceSnapshot]) -> dict[str, InvoiceAction]:
    """What each open invoice needs of the customer; one call for each that was tried in vain."""
    found = {}
    for invoice in invoices:
        if invoice.id is None or invoice.status != "open" or invoice.amount_due <= 0:
            continue
        if invoice.attempt_count == 0:
            if invoice.due_at is not None:  # sent to be paid, not charged automatically
                found[invoice.id] = InvoiceAction.PAY
            continue
        statuses = gateway.payment_statuses_of(invoice.id)
        if "requires_action" in statuses or "requires_confirmation" in statuses:
            found[invoice.id] = InvoiceAction.CONFIRM
        elif "requires_payment_method" in statuses:
            found[invoice.id] = InvoiceAction.UPDATE_CARD
        else:
            found[invoice.id] = InvoiceAction.PAY
    return found


def owed_since(invoices: list[InvoiceSnapshot]) -> dict[str, datetime]:
    """The oldest open invoice of each subscription."""
    since: dict[str, datetime] = {}
    for invoice in invoices:
        if invoice.status == "open" and invoice.subscription_id:
            earlier = since.get(invoice.subscription_id, invoice.owed_since)
            since[invoice.subscription_id] = min(earlier, invoice.owed_since)
    return since


def save(customer_id: str, invoice: InvoiceSnapshot, action: InvoiceAction | None = None) -> None:
    """Store an invoice as fetched; the fence of the customer keeps older fetches out."""
    values = {
        "stripe_invoice_id": invoice.id,
        "stripe_customer_id": customer_id,
        "stripe_subscription_id": invoice.subscription_id,
        "number": invoice.number,
        "status": invoice.status,
        "billing_reason": invoice.billing_reason,
        "currency": invoice.currency,
        "total": invoice.total,
        "amount_due": invoice.amount_due,
        "amount_paid": invoice.amount_paid,
        "attempt_count": invoice.attempt_count,
        "next_payment_attempt_at": invoice.next_payment_attempt_at,
        "due_at": invoice.due_at,
        "action": action,
        "period_start": invoice.period_start,
        "period_end": invoice.period_end,
        "issued_at": invoice.issued_at,
        "finalized_at": invoice.finalized_at,
        "hosted_invoice_url": invoice.hosted_invoice_url,
        "invoice_pdf": invoice.invoice_pdf,
    }
    send(_saving(tuple(values)), now=clock.utc_now(), **values)


@once
def _saving(names: tuple[str, ...]) -> sa.Executable:
    row = insert(INVOICES).values({name: sa.bindparam(name) for name in names})
    replaced = {name: row.excluded[name] for name in names if name != "stripe_invoice_id"}
    return row.on_conflict_do_update(
        index_elements=["stripe_invoice_id"],
        set_=replaced | {"updated_at": sa.bindparam("now", type_=UtcDateTime())},
    )
