"""What does the company do at Stripe with its own key, and which events come of it?"""

from datetime import datetime
from typing import Any

import requests
import stripe

from billing import clock
from billing.emulator import Emulator

SECONDS_APART = 10
AN_HOUR_AGO = 3600

Resource = dict[str, Any]


class Merchant:
    """Sells `pro` and `enterprise` by the month; each thing it does has a second of its own."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._known = 0
        self.stripe = stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url}).v1
        self.prices = {plan: self._price(plan) for plan in ("pro", "enterprise")}

    def news(self) -> list[Resource]:
        """Every event since the last call, in the order in which they happened."""
        account = self._emulator.account
        found = [account.view(event) for event in account.all("event")]
        self._known, known = len(found), self._known
        return found[known:]

    def later(self) -> None:
        """Let the next events be of a later second."""
        now = self._emulator.faults.freeze_second or clock.to_unix(clock.utc_now()) - AN_HOUR_AGO
        self._emulator.faults.freeze_second = now + SECONDS_APART

    def customer(self, **values: Any) -> str:
        """Make a customer with a card that pays."""
        self.later()
        card = "pm_card_visa"
        settings = {"default_payment_method": card}
        return self.stripe.customers.create(
            {"payment_method": card, "invoice_settings": settings, **values}
        ).id

    def subscribe(self, customer: str, plan: str = "pro") -> str:
        """Sell a plan to a customer who has a card."""
        self.later()
        items: Any = [{"price": self.prices[plan]}]
        return self.stripe.subscriptions.create({"customer": customer, "items": items}).id

    def update(self, subscription: str, **values: Any) -> None:
        """Change a subscription."""
        self.later()
        self.stripe.subscriptions.update(subscription, values)

    def move(self, subscription: str, plan: str = "pro", quantity: int = 1) -> None:
        """Change what is bought, and invoice the difference at once."""
        item = self.stripe.subscriptions.retrieve(subscription)["items"].data[0].id
        bought = {"id": item, "price": self.prices[plan], "quantity": quantity}
        self.update(subscription, items=[bought], proration_behavior="always_invoice")

    def use_card(self, subscription: str, card: str) -> None:
        """Attach a card and pay with it from now on."""
        customer = self.subscription(subscription)["customer"]
        made = self.stripe.payment_methods.attach(card, {"customer": customer})
        self.update(subscription, default_payment_method=made.id)

    def collect(self, subscription: str) -> None:
        """Charge what is owed."""
        self.later()
        invoice = self.subscription(subscription)["latest_invoice"]
        self.stripe.invoices.pay(invoice)

    def cancel(self, subscription: str) -> None:
        """End it now."""
        self.later()
        self.stripe.subscriptions.cancel(subscription)

    def rename(self, subscription: str, email: str) -> None:
        """Change the customer's address."""
        self.later()
        customer = self.subscription(subscription)["customer"]
        self.stripe.customers.update(customer, {"email": email})

    def pay_page(self, url: str) -> None:
        """Pay on a checkout page."""
        self.later()
        page = requests.post(url, {"card": "4242424242424242"}, timeout=20, allow_redirects=False)
        assert page.status_code == 303, page.text

    def subscription(self, subscription: str) -> Resource:
        """The subscription as Stripe holds it now."""
        return self.stripe.subscriptions.retrieve(subscription).to_dict(for_json=True)

    def subscriptions_of(self, customer: str) -> list[Resource]:
        """Every subscription of a customer, as Stripe holds them now."""
        found = self.stripe.subscriptions.list({"customer": customer, "status": "all"})
        return [one.to_dict(for_json=True) for one in found.data]

    def customers(self) -> list[str]:
        """Every customer."""
        return [str(one.id) for one in self.stripe.customers.list().data]

    def last_subscription(self) -> str:
        """The newest subscription of all."""
        return str(self.stripe.subscriptions.list().data[0].id)

    def owed_since(self, customer: str) -> datetime | None:
        """When the oldest open invoice was finalised."""
        found = self.stripe.invoices.list({"customer": customer, "status": "open"}).data
        moments = [one.status_transitions.finalized_at for one in found]
        return clock.from_unix(min(one or 0 for one in moments)) if moments else None

    def invoices_of(self, customer: str) -> dict[str, str]:
        """The status of each invoice of a customer."""
        found = self.stripe.invoices.list({"customer": customer, "limit": 100}).data
        return {str(one.id): str(one.status) for one in found}

    def _price(self, plan: str) -> str:
        product = self.stripe.products.create({"name": plan, "metadata": {"plan": plan}})
        return self.stripe.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": 2900,
                "lookup_key": f"{plan}_month",
                "recurring": {"interval": "month"},
            }
        ).id
