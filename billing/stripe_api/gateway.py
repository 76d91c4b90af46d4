"""What do we ask of Stripe? Every call that the service makes, and no other."""

import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote

import stripe
from flask import Flask, current_app

from billing import clock
from billing.settings import settings
from billing.stripe_api import faults, transport
from billing.stripe_api.events import API_VERSION
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
    SubscriptionSnapshot,
)
from billing.stripe_api.snapshots.shapes import part_of, text_of
from config import Config

EXTENSION = "stripe_gateway"
PAGE = 100
SLACK = 2
"""Seconds by which an event's `created` may lie behind the `Date` of an answer that shows it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """When an answer was given, by Stripe's clock, in its whole seconds.

    What the answer shows was true at `since` or later, and no event of what it shows was created
    after `until`.
    """

    since: int
    until: int


class StripeGateway:
    """A client of one process. Raises StripeUnavailable, StripeMissing, StripeRefused,
    CardDeclined."""

    def __init__(self, config: Config) -> None:
        self._client = stripe.StripeClient(
            config.stripe_secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": config.stripe_api_base},
            max_network_retries=0,  # `_call` retries, within the budget of the request
            http_client=transport.http_client(config.stripe_timeout),
        )

    def subscriptions_of(self, customer_id: str) -> tuple[list[SubscriptionSnapshot], Seen]:
        """Every subscription of the customer, ended ones too, to the last page and item."""
        found, seen = self._list(
            "/v1/subscriptions", {"customer": customer_id, "status": "all", "limit": PAGE}
        )
        return [SubscriptionSnapshot.from_stripe(self.with_all_items(one)) for one in found], seen

    def subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        """One subscription, wherever it belongs."""
        found = self._get("/v1/subscriptions", subscription_id)
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

    def create_customer(self, *, user_id: str, email: str | None) -> CustomerSnapshot:
        """Make the customer of a user. The same user always gets the same one."""
        made = self._post(
            "/v1/customers",
            {"metadata": {"user_id": user_id}} | ({"email": email} if email else {}),
            idempotency_key=f"customer:{user_id}",
        )
        return CustomerSnapshot.from_stripe(made)

    def create_product(self, *, plan_name: str, name: str, description: str) -> ProductSnapshot:
        """Make the product of a plan."""
        described = {"description": description} if description else {}
        made = self._post(
            "/v1/products",
            {"name": name, "metadata": {"plan": plan_name}, **described},
            idempotency_key=f"product:{plan_name}:{name}:{description}"[:255],
        )
        return ProductSnapshot.from_stripe(made)

    def create_price(
        self,
        *,
        product_id: str,
        lookup_key: str,
        currency: str,
        interval: str,
        unit_amount: int,
        earlier: int,
    ) -> PriceSnapshot:
        """Make a recurring price. `unit_amount` is in the currency's minor unit.

        `earlier` counts the prices the product has: a repeated call makes no twin, and a price that
        was taken away since can be made anew.
        """
        made = self._post(
            "/v1/prices",
            {
                "product": product_id,
                "lookup_key": lookup_key,
                "currency": currency,
                "unit_amount": unit_amount,
                "recurring": {"interval": interval},
            },
            idempotency_key=f"price:{product_id}:{lookup_key}:{currency}:{unit_amount}:{earlier}",
        )
        return PriceSnapshot.from_stripe(made)

    def create_checkout_session(
        self, parameters: Mapping[str, Any], *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Open a Checkout Session. The same key gives the same session for a day."""
        made = self._post("/v1/checkout/sessions", parameters, idempotency_key=idempotency_key)
        return CheckoutSnapshot.from_stripe(made)

    def expire_checkout_session(self, session_id: str) -> CheckoutSnapshot:
        """Close an open session; raises StripeRefused if it is open no longer."""
        path = f"/v1/checkout/sessions/{session_id}/expire"
        made = self._post(path, {}, idempotency_key=f"expire:{session_id}")
        return CheckoutSnapshot.from_stripe(made)

    def products_on_sale(self) -> list[ProductSnapshot]:
        """Every active product."""
        found, _ = self._list("/v1/products", {"active": "true", "limit": PAGE})
        return [ProductSnapshot.from_stripe(one) for one in found]

    def pages(self, path: str, query: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """Walk a list to its last page; each page with the second of its answer."""
        while True:
            answer = self._call("get", path, query)
            body = cast(dict[str, Any], answer.data)
            yield body["data"], _date_of(answer)
            if not body["has_more"] or not body["data"]:
                return
            query = query | {"starting_after": body["data"][-1]["id"]}

    def with_all_items(self, subscription: dict[str, Any]) -> dict[str, Any]:
        """Complete the items that the list cut off."""
        items = subscription.get("items") or {}
        if not items.get("has_more"):
            return subscription
        query = {"subscription": subscription["id"], "limit": PAGE}
        found, _ = self._list("/v1/subscription_items", query)
        return subscription | {"items": {**items, "data": found, "has_more": False}}

    def _list(self, path: str, query: dict[str, Any]) -> tuple[list[dict[str, Any]], Seen]:
        found: list[dict[str, Any]] = []
        began = time.monotonic()
        first: int | None = None
        for page, date in self.pages(path, query):
            if first is None:
                first = date - math.ceil(time.monotonic() - began)
            found += page
        return found, Seen(since=first or date, until=date + SLACK)

    def _get(self, path: str, object_id: str) -> dict[str, Any]:
        # Ids of old plans and products were chosen by people and may hold any character.
        answer = self._call("get", f"{path}/{quote(object_id, safe='')}", {})
        return cast(dict[str, Any], answer.data)

    def _post(
        self, path: str, parameters: Mapping[str, Any], *, idempotency_key: str
    ) -> dict[str, Any]:
        answer = self._call("post", path, {**parameters, "idempotency_key": idempotency_key})
        return cast(dict[str, Any], answer.data)

    def _call(self, method: str, path: str, parameters: Mapping[str, Any]) -> stripe.StripeResponse:
        """Ask, read the body as plain dicts (typed objects cost twice the time), try again."""
        attempt = 0
        while True:
            try:
                return cast(
                    stripe.StripeResponse,
                    self._client.raw_request(method, path, **parameters),
                )
            except stripe.StripeError as error:
                if not transport.may_try_again(error, attempt):
                    raise faults.translate(error) from error
            attempt += 1


def _date_of(answer: stripe.StripeResponse) -> int:
    """Read the `Date` header; without one, a moment that is surely not too early."""
    text = answer.headers.get("Date") if answer.headers else None
    try:
        return clock.to_unix(parsedate_to_datetime(cast(str, text)))
    except (TypeError, ValueError):
        return clock.to_unix(clock.utc_now()) + 5


def init_app(app: Flask) -> None:
    """Promise the application a gateway; it is made at its first use, in the process that asks."""
    app.extensions[EXTENSION] = {}


def gateway() -> StripeGateway:
    """Return the gateway of this process."""
    made = cast(dict[int, StripeGateway], current_app.extensions[EXTENSION])
    if os.getpid() not in made:
        made[os.getpid()] = StripeGateway(settings())
    return made[os.getpid()]
