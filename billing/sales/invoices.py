"""What was the customer billed? From our rows, which follow Stripe's."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database import reading
from billing.errors import Invalid
from billing.models import Invoice
from billing.sales.buyers import buyer
from billing.sales.truth import catch_up
from billing.stripe_api.page_addresses import stripe_page
from billing.stripe_sync.subjects import Part


@dataclass(frozen=True, slots=True)
class BilledInvoice:
    """An invoice; amounts are in the currency's minor unit."""

    id: UUID
    number: str | None
    status: str | None
    currency: str
    total: int
    amount_due: int
    amount_paid: int
    period_start: datetime | None
    period_end: datetime | None
    issued_at: datetime
    hosted_invoice_url: str | None
    invoice_pdf: str | None


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """Some invoices, the newest first; `next_cursor` is None on the last page."""

    invoices: tuple[BilledInvoice, ...]
    next_cursor: UUID | None


def invoices_of(
    user_id: UUID, *, limit: int, cursor: UUID | None = None, fresh: bool = False
) -> InvoicePage:
    """List the user's invoices after the cursor. Drafts are nobody's business yet.

    `fresh` fetches them first, with addresses that work now. Raises NotFound, Invalid for a cursor
    that is not of this user's, StripeUnavailable where Stripe was asked.
    """
    customer_id = buyer(user_id).stripe_customer_id
    if customer_id is None:
        return InvoicePage((), None)
    if fresh:
        catch_up(customer_id, Part.INVOICES)
    theirs = sa.and_(Invoice.stripe_customer_id == customer_id, Invoice.status != "draft")
    columns = [getattr(Invoice, field.name) for field in fields(BilledInvoice)]
    statement = (
        sa.select(*columns)
        .where(theirs)
        .order_by(Invoice.issued_at.desc(), Invoice.id.desc())
        .limit(limit + 1)
    )
    with reading() as session:
        if cursor is not None:
            last = session.execute(
                sa.select(Invoice.issued_at, Invoice.id).where(theirs, Invoice.id == cursor)
            ).first()
            if last is None:
                raise Invalid("The cursor is not one that was given.")
            statement = statement.where(
                sa.or_(
                    Invoice.issued_at < last.issued_at,
                    sa.and_(Invoice.issued_at == last.issued_at, Invoice.id < last.id),
                )
            )
        found = [_shown(row) for row in session.execute(statement)]
    page = tuple(found[:limit])
    return InvoicePage(page, page[-1].id if len(found) > limit else None)


def _shown(row: sa.Row[Any]) -> BilledInvoice:
    """Lay an invoice out, with addresses at Stripe alone."""
    invoice = BilledInvoice(*tuple(row))
    return replace(
        invoice,
        hosted_invoice_url=stripe_page(invoice.hosted_invoice_url),
        invoice_pdf=stripe_page(invoice.invoice_pdf),
    )
