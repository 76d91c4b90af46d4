"""What we keep of each Stripe object. Nothing past here sees Stripe's shapes.

Each `from_stripe` takes the dict of any API version from 2017 on and raises only Unreadable.
"""

from billing.stripe_api.snapshots.catalogue import PriceSnapshot, ProductSnapshot
from billing.stripe_api.snapshots.checkout import CheckoutSnapshot, PromotionCodeSnapshot
from billing.stripe_api.snapshots.customer import ClockSnapshot, CustomerSnapshot
from billing.stripe_api.snapshots.endpoint import EndpointSnapshot
from billing.stripe_api.snapshots.entitlements import EntitlementSummary
from billing.stripe_api.snapshots.feature import FeatureSnapshot
from billing.stripe_api.snapshots.invoice import InvoiceSnapshot
from billing.stripe_api.snapshots.money import (
    ChargeSnapshot,
    DisputeSnapshot,
    FraudWarningSnapshot,
    InvoicePaymentSnapshot,
)
from billing.stripe_api.snapshots.phase_terms import PhaseTerms
from billing.stripe_api.snapshots.portal import PortalConfiguration
from billing.stripe_api.snapshots.preview import PreviewLine, PreviewSnapshot
from billing.stripe_api.snapshots.schedule import ScheduleSnapshot
from billing.stripe_api.snapshots.shapes import Unreadable
from billing.stripe_api.snapshots.subscription import ItemSnapshot, SubscriptionSnapshot

__all__ = [
    "ChargeSnapshot",
    "CheckoutSnapshot",
    "ClockSnapshot",
    "CustomerSnapshot",
    "DisputeSnapshot",
    "EndpointSnapshot",
    "EntitlementSummary",
    "FeatureSnapshot",
    "FraudWarningSnapshot",
    "InvoicePaymentSnapshot",
    "InvoiceSnapshot",
    "ItemSnapshot",
    "PhaseTerms",
    "PortalConfiguration",
    "PreviewLine",
    "PreviewSnapshot",
    "PriceSnapshot",
    "ProductSnapshot",
    "PromotionCodeSnapshot",
    "ScheduleSnapshot",
    "SubscriptionSnapshot",
    "Unreadable",
]
