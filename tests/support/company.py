"""A company with customers at Stripe, of whom the service may or may not have heard."""

from dataclasses import dataclass, field

import stripe

from billing.emulator import Emulator


@dataclass
class Company:
    """The company's own key at Stripe, and what it sells."""

    emulator: Emulator
    subscriptions: list[stripe.Subscription] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stripe = stripe.StripeClient(
            "sk_test_company", base_addresses={"api": self.emulator.url}
        )

    def price(self, lookup_key: str) -> str:
        """The id of a price."""
        return self.stripe.v1.prices.list({"lookup_keys": [lookup_key]}).data[0].id

    def customer(self, user_id: str | None = None) -> str:
        """A customer with a good card, marked with our user id if there is one."""
        card = {"payment_method": "pm_card_visa"}
        default = {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
        marked = {"metadata": {"user_id": user_id}} if user_id else {}
        return self.stripe.v1.customers.create({**card, **default, **marked}).id

    def subscribe(self, customer_id: str, price_id: str) -> stripe.Subscription:
        """A paid subscription."""
        made = self.stripe.v1.subscriptions.create(
            {"customer": customer_id, "items": [{"price": price_id}]}
        )
        self.subscriptions.append(made)
        return made
