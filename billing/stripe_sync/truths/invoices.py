"""The invoices of a customer: what was billed, what is open, what the customer must do."""

from collections.abc import Mapping, Set

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
    """Fetch all invoices if an event asked, one is open here, or a subscription owes.

    Grace runs from the first late one after the last paid one, so the paid ones are needed too.
    """
    with reading():
        one_is_open = send(OPEN, customer=customer_id).first() is not None
    owes = any(Status.read(snapshot.status) in OWING for snapshot in subscriptions)
    return gateway.invoices_of(customer_id) if asked or one_is_open or owes else []


def payment_states(
    gateway: StripeGateway, invoices: list[InvoiceSnapshot]
) -> dict[str, frozenset[str]]:
    """Fetch the statuses of the payments of each open invoice of which one was tried."""
    return {
        invoice.id: frozenset(gateway.payment_statuses_of(invoice.id))
        for invoice in invoices
        if invoice.id and invoice.is_owed and invoice.was_attempted
    }


def actions(
    invoices: list[InvoiceSnapshot],
    states: Mapping[str, frozenset[str]],
    ended_subscriptions: Set[str],
) -> dict[str, InvoiceAction]:
    """Return what each open invoice needs of the customer, by invoice id.

    Nothing where a payment is under way, and nothing for a subscription that has ended.
    """
    needed = {}
    for invoice in invoices:
        if invoice.id is None or not invoice.is_owed:
            continue
        if invoice.subscription_id in ended_subscriptions:
            continue
        action = _action_of(invoice, states.get(invoice.id, frozenset()))
        if action is not None:
            needed[invoice.id] = action
    return needed


def _action_of(invoice: InvoiceSnapshot, states: frozenset[str]) -> InvoiceAction | None:
    if not invoice.was_attempted:  # sent to be paid, or about to be charged
        return None if invoice.due_at is None else InvoiceAction.PAY
    if states & {"requires_action", "requires_confirmation"}:
        return InvoiceAction.CONFIRM
    if "processing" in states:  # a debit takes days
        return None
    if "requires_payment_method" in states:
        return InvoiceAction.UPDATE_CARD
    return InvoiceAction.PAY


def in_processing(states: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the ids of invoices whose payment is under way."""
    return frozenset(invoice_id for invoice_id, told in states.items() if "processing" in told)


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
