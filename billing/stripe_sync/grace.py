"""When the payment of a subscription became late: the moment from which its grace runs."""

from collections.abc import Iterable, Set
from datetime import datetime

from billing.stripe_api.snapshots import InvoiceSnapshot


def late_since(
    invoices: Iterable[InvoiceSnapshot], processing: Set[str], first_seen_at: datetime
) -> datetime:
    """Return the earliest late moment among the open invoices made after the last paid one.

    `processing` holds the ids of invoices whose payment is under way. `first_seen_at` is when the
    subscription was first seen to owe: it stands in where Stripe names no moment. A forgotten
    invoice from an earlier second than the last paid one counts for nothing, and a further unpaid
    one changes nothing.
    """
    known = list(invoices)
    paid = [invoice.issued_at for invoice in known if invoice.status == "paid"]
    last_paid_at = max(paid, default=None)
    late = [
        first_seen_at if invoice.id in processing else invoice.late_at
        for invoice in known
        if invoice.status == "open" and (last_paid_at is None or invoice.issued_at >= last_paid_at)
    ]
    return min(late, default=first_seen_at)
