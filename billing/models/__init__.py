"""Every table. Importing this package is enough for migrations to see them all."""

from billing.models.attempts import StripeAttempt
from billing.models.catalogue import (
    IgnoredObject,
    PlanPrice,
    PlansVersion,
    StripeProduct,
    SubscriptionPlan,
)
from billing.models.changes import Cause, Change, Drift, DriftKind
from billing.models.charges import StripeCharge
from billing.models.customers import (
    CustomerUnlink,
    RefreshState,
    StripeCustomer,
    StripeTestClock,
)
from billing.models.entitlements import ActiveEntitlement
from billing.models.idempotency import IdempotencyKey
from billing.models.inbox import EventState, StripeEvent, StripeEventPayload
from billing.models.invoices import Invoice, InvoiceAction
from billing.models.leases import Lease
from billing.models.runs import GapRun, ReconcileRun
from billing.models.sales import CheckoutState, LinkRevocation, OpenCheckout
from billing.models.service_keys import ServiceKey
from billing.models.sessions import RefreshToken
from billing.models.subscriptions import Status, SubscriptionItem, UserSubscription
from billing.models.usage import (
    Metric,
    ReservationState,
    UsageKey,
    UsageReservation,
    UserStorage,
    UserUsage,
    UserUsageDay,
)
from billing.models.users import User

__all__ = [
    "ActiveEntitlement",
    "Cause",
    "Change",
    "CheckoutState",
    "CustomerUnlink",
    "Drift",
    "DriftKind",
    "EventState",
    "IdempotencyKey",
    "IgnoredObject",
    "GapRun",
    "Invoice",
    "InvoiceAction",
    "Lease",
    "LinkRevocation",
    "Metric",
    "OpenCheckout",
    "PlanPrice",
    "PlansVersion",
    "ReconcileRun",
    "RefreshState",
    "RefreshToken",
    "ReservationState",
    "ServiceKey",
    "Status",
    "StripeAttempt",
    "StripeCharge",
    "StripeCustomer",
    "StripeEvent",
    "StripeEventPayload",
    "StripeProduct",
    "StripeTestClock",
    "SubscriptionItem",
    "SubscriptionPlan",
    "UsageKey",
    "UsageReservation",
    "User",
    "UserStorage",
    "UserSubscription",
    "UserUsage",
    "UserUsageDay",
]
