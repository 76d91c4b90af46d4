"""Is the money of a charge still ours? Refunds, disputes and warnings, and what they paid for."""

from dataclasses import dataclass

import sqlalchemy as sa

from billing.database import db
from billing.models import Cause, StripeCharge
from billing.models.charges import SETTLED
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import ChargeSnapshot, DisputeSnapshot, InvoiceSnapshot
from billing.stripe_sync import store
from billing.stripe_sync.subjects import Part


@dataclass(frozen=True, slots=True)
class ChargeTruth:
    """A charge, what became of it, and the invoice that it paid."""

    charge: ChargeSnapshot
    dispute: DisputeSnapshot | None
    is_warned_of: bool
    invoice: InvoiceSnapshot | None

    def store(self, generation: int, cause: Cause) -> bool:
        """Keep it, and flag the subscription that the money was for."""
        subscription_id = self.invoice.subscription_id if self.invoice else None
        db.session.execute(
            sa.update(StripeCharge)
            .where(StripeCharge.id == self.charge.id)
            .values(
                stripe_customer_id=self.charge.customer_id,
                stripe_invoice_id=self.invoice.id if self.invoice else None,
                stripe_subscription_id=subscription_id,
                currency=self.charge.currency,
                amount=self.charge.amount,
                amount_refunded=self.charge.amount_refunded,
                is_refunded=self.charge.refunded,
                is_disputed=self.dispute is not None and self.dispute.status not in SETTLED,
                dispute_status=self.dispute.status if self.dispute else None,
                dispute_reason=self.dispute.reason if self.dispute else None,
                is_warned_of=self.is_warned_of,
            )
        )
        if subscription_id is not None:
            store.flag_disputed(subscription_id, cause)
        return True


def fetch(gateway: StripeGateway, charge_id: str, parts: frozenset[Part]) -> ChargeTruth:
    """Read the charge and what became of it."""
    charge = gateway.charge(charge_id)
    disputes = gateway.disputes_of(charge_id)
    return ChargeTruth(
        charge=charge,
        dispute=disputes[0] if disputes else None,
        is_warned_of=any(warning.actionable for warning in gateway.fraud_warnings_of(charge_id)),
        invoice=gateway.invoice_paid_by(charge),
    )
