"""What do we ask of Stripe? Every call that the service makes, and no other."""

import os
from collections.abc import Mapping
from typing import Any, cast

from flask import Flask, current_app

from billing.settings import settings
from billing.stripe_api.catalogue import CatalogueCalls
from billing.stripe_api.changes import ChangeCalls
from billing.stripe_api.connection import PAGE, Seen
from billing.stripe_api.operating import OperatorCalls
from billing.stripe_api.portals import PortalCalls
from billing.stripe_api.snapshots import (
    ChargeSnapshot,
    CheckoutSnapshot,
    ClockSnapshot,
    CustomerSnapshot,
    DisputeSnapshot,
    FraudWarningSnapshot,
    InvoicePaymentSnapshot,
    InvoiceSnapshot,
    PriceSnapshot,
    ProductSnapshot,
    PromotionCodeSnapshot,
    SubscriptionSnapshot,
)
from billing.stripe_api.snapshots.shapes import part_of, text_of

__all__ = ["Seen", "StripeGateway", "gateway"]

EXTENSION = "stripe_gateway"
WITH_PLANS = ["data.schedule"]
"""A list of subscriptions shows with each what is planned for it."""


class StripeGateway(ChangeCalls, CatalogueCalls, PortalCalls, OperatorCalls):
    """A client of one process. Raises StripeUnavailable, StripeMissing, StripeRefused,
    CardDeclined."""

    def subscriptions_of(self, customer_id: str) -> tuple[list[SubscriptionSnapshot], Seen]:
        """Every subscription of the customer, ended ones too, to the last page and item."""
        query = {"customer": customer_id, "status": "all", "limit": PAGE, "expand": WITH_PLANS}
        found, seen = self._list("/v1/subscriptions", query)
        return [SubscriptionSnapshot.from_stripe(self.with_all_items(one)) for one in found], seen

    def subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        """One subscription, wherever it belongs."""
        found = self._get("/v1/subscriptions", subscription_id, "schedule")
        return SubscriptionSnapshot.from_stripe(self.with_all_items(found))

    def invoices_of(self, customer_id: str, status: str | None = None) -> list[InvoiceSnapshot]:
        """The customer's invoices, of one status or of all."""
        query = {"customer": customer_id, "limit": PAGE}
        found, _ = self._list("/v1/invoices", query | ({"status": status} if status else {}))
        return [InvoiceSnapshot.from_stripe(one) for one in found]

    def customer(self, customer_id: str) -> CustomerSnapshot:
        """The customer; a deleted one says so."""
        return CustomerSnapshot.from_stripe(self._get("/v1/customers", customer_id))

    def product(self, product_id: str) -> ProductSnapshot:
        """The product."""
        return ProductSnapshot.from_stripe(self._get("/v1/products", product_id))

    def prices_of(self, product_id: str) -> list[PriceSnapshot]:
        """The product's prices, inactive ones too: they still have holders."""
        found: list[PriceSnapshot] = []
        for active in ("true", "false"):
            page, _ = self._list(
                "/v1/prices", {"product": product_id, "active": active, "limit": PAGE}
            )
            found += [PriceSnapshot.from_stripe(one) for one in page]
        return found

    def price(self, price_id: str) -> PriceSnapshot:
        """The price."""
        return PriceSnapshot.from_stripe(self._get("/v1/prices", price_id))

    def prices_by_lookup_key(self, lookup_keys: list[str]) -> list[PriceSnapshot]:
        """The prices that hold these lookup keys now."""
        found: list[PriceSnapshot] = []
        for start in range(0, len(lookup_keys), 10):  # Stripe takes ten at most
            keys = lookup_keys[start : start + 10]
            page, _ = self._list("/v1/prices", {"lookup_keys": keys, "limit": PAGE})
            found += [PriceSnapshot.from_stripe(one) for one in page]
        return found

    def checkout_session(self, session_id: str) -> CheckoutSnapshot:
        """The Checkout Session as it stands now."""
        return CheckoutSnapshot.from_stripe(self._get("/v1/checkout/sessions", session_id))

    def test_clock(self, clock_id: str) -> ClockSnapshot:
        """The test clock; exists in test mode only."""
        return ClockSnapshot.from_stripe(self._get("/v1/test_helpers/test_clocks", clock_id))

    def charge(self, charge_id: str) -> ChargeSnapshot:
        """The charge."""
        return ChargeSnapshot.from_stripe(self._get("/v1/charges", charge_id))

    def disputes_of(self, charge_id: str) -> list[DisputeSnapshot]:
        """The charge's disputes and inquiries, the newest first."""
        found, _ = self._list("/v1/disputes", {"charge": charge_id, "limit": PAGE})
        return [DisputeSnapshot.from_stripe(one) for one in found]

    def fraud_warnings_of(self, charge_id: str) -> list[FraudWarningSnapshot]:
        """The early fraud warnings about the charge."""
        query = {"charge": charge_id, "limit": PAGE}
        found, _ = self._list("/v1/radar/early_fraud_warnings", query)
        return [FraudWarningSnapshot.from_stripe(one) for one in found]

    def invoice_paid_by(self, charge: ChargeSnapshot) -> InvoiceSnapshot | None:
        """The invoice that the charge paid; None for money that was no invoice's.

        Since 2025-03-31.basil a charge does not name its invoice: the invoice payments do.
        """
        invoice_id = charge.invoice_id
        if invoice_id is None and charge.payment_intent_id is not None:
            payment = {"type": "payment_intent", "payment_intent": charge.payment_intent_id}
            found, _ = self._list("/v1/invoice_payments", {"payment": payment, "limit": 1})
            invoice_id = next(
                (InvoicePaymentSnapshot.from_stripe(one).invoice_id for one in found), None
            )
        return self.invoice(invoice_id) if invoice_id else None

    def invoice(self, invoice_id: str) -> InvoiceSnapshot:
        """The invoice."""
        return InvoiceSnapshot.from_stripe(self._get("/v1/invoices", invoice_id))

    def payment_statuses_of(self, invoice_id: str) -> list[str]:
        """The statuses of the payment intents that try to pay the invoice."""
        query = {"invoice": invoice_id, "expand": ["data.payment.payment_intent"], "limit": PAGE}
        found, _ = self._list("/v1/invoice_payments", query)
        intents = [part_of(part_of(one, "payment"), "payment_intent") for one in found]
        return [status for status in (text_of(one.get("status")) for one in intents) if status]

    def entitlements_of(self, customer_id: str) -> list[str]:
        """The lookup keys of the features that the customer is entitled to at Stripe."""
        query = {"customer": customer_id, "limit": PAGE}
        found, _ = self._list("/v1/entitlements/active_entitlements", query)
        return sorted(one["lookup_key"] for one in found)

    def has_features(self) -> bool:
        """Tell whether the account uses Stripe's entitlements at all."""
        found, _ = next(self.pages("/v1/entitlements/features", {"limit": 1}))
        return bool(found)

    def create_customer(
        self, *, user_id: str, email: str | None, idempotency_key: str
    ) -> CustomerSnapshot:
        """Create the customer of a user. The same key gives the same customer for a day."""
        made = self._post(
            "/v1/customers",
            {"metadata": {"user_id": user_id}} | ({"email": email} if email else {}),
            idempotency_key=idempotency_key,
        )
        return CustomerSnapshot.from_stripe(made)

    def promotion_code(self, code: str) -> PromotionCodeSnapshot | None:
        """The active promotion code that customers type so; Stripe ignores their case."""
        query = {"code": code, "active": "true", "limit": 1}
        found, _ = next(self.pages("/v1/promotion_codes", query))
        return PromotionCodeSnapshot.from_stripe(found[0]) if found else None

    def create_checkout_session(
        self, parameters: Mapping[str, Any], *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Open a Checkout Session. The same key gives the same session for a day."""
        made = self._post("/v1/checkout/sessions", parameters, idempotency_key=idempotency_key)
        return CheckoutSnapshot.from_stripe(made)

    def expire_checkout_session(self, session_id: str, *, idempotency_key: str) -> CheckoutSnapshot:
        """Close an open session; raises StripeRefused if it is open no longer."""
        path = f"/v1/checkout/sessions/{session_id}/expire"
        made = self._post(path, {}, idempotency_key=idempotency_key)
        return CheckoutSnapshot.from_stripe(made)

    def with_all_items(self, subscription: dict[str, Any]) -> dict[str, Any]:
        """Complete the items that the list cut off."""
        items = subscription.get("items") or {}
        if not items.get("has_more"):
            return subscription
        query = {"subscription": subscription["id"], "limit": PAGE}
        found, _ = self._list("/v1/subscription_items", query)
        return subscription | {"items": {**items, "data": found, "has_more": False}}


def init_app(app: Flask) -> None:
    """Promise the application a gateway; it is made at its first use, in the process that asks."""
    app.extensions[EXTENSION] = {}


def gateway() -> StripeGateway:
    """Return the gateway of this process."""
    made = cast(dict[int, StripeGateway], current_app.extensions[EXTENSION])
    if os.getpid() not in made:
        made[os.getpid()] = StripeGateway(settings())
    return made[os.getpid()]
