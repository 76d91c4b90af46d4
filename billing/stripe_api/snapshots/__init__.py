"""What we keep of each Stripe object. Nothing past here sees Stripe's shapes."""

from billing.stripe_api.snapshots.catalogue import PriceSnapshot, ProductSnapshot
from billing.stripe_api.snapshots.checkout import CheckoutSnapshot
from billing.stripe_api.snapshots.customer import ClockSnapshot, CustomerSnapshot
from billing.stripe_api.snapshots.invoice import InvoiceSnapshot
from billing.stripe_api.snapshots.subscription import ItemSnapshot, SubscriptionSnapshot

__all__ = [
    "CheckoutSnapshot",
    "ClockSnapshot",
    "CustomerSnapshot",
    "InvoiceSnapshot",
    "ItemSnapshot",
    "PriceSnapshot",
    "ProductSnapshot",
    "SubscriptionSnapshot",
]
