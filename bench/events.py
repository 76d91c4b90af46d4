"""What is sent? Events of the emulator's making, one a customer, signed."""

import json
from dataclasses import dataclass

import stripe

from bench.apps import SECRET
from billing.emulator import Emulator

CUSTOMERS = 200
EVENT = "customer.subscription.updated"


@dataclass(frozen=True)
class Template:
    """One customer with a subscription, and an event of it, as Stripe prints them."""

    event: str
    subscription: str
    customer: str
    product: str
    ids: tuple[str, str, str]

    def event_of(self, number: int) -> str:
        """The body of an event of one of the customers; its quantity is new."""
        text = self._of_customer(self.event, f"cus_{number % CUSTOMERS:08}")
        text = text.replace(self.ids[0], f"evt_{number:012}")
        return text.replace('"quantity": 1', f'"quantity": {number}')

    def subscription_of(self, customer_id: str, quantity: int) -> str:
        """The subscription of that customer, as the API gives it."""
        text = self._of_customer(self.subscription, customer_id)
        return text.replace('"quantity": 1', f'"quantity": {quantity}')

    def customer_of(self, customer_id: str) -> str:
        """That customer, as the API gives it."""
        return self._of_customer(self.customer, customer_id)

    def _of_customer(self, text: str, customer_id: str) -> str:
        _, template_customer, template_subscription = self.ids
        text = text.replace(template_subscription, customer_id.replace("cus_", "sub_"))
        return text.replace(template_customer, customer_id)


def template() -> Template:
    """Let the emulator make a subscriber of the plan pro, and change it once."""
    emulator = Emulator()
    try:
        client = stripe.StripeClient("sk_test_x", base_addresses={"api": emulator.serve()})
        made = client.v1.subscriptions.create(_order(client))
        client.v1.subscriptions.update(made.id, {"metadata": {"seen": "yes"}})
        event = client.raw_request("get", "/v1/events", type=EVENT).data["data"][0]
        subscription = client.raw_request("get", f"/v1/subscriptions/{made.id}").data
        customer = client.raw_request("get", f"/v1/customers/{made.customer}").data
        product_id = subscription["items"]["data"][0]["price"]["product"]
        product = client.raw_request("get", f"/v1/products/{product_id}").data
    finally:
        emulator.stop()
    ids = (event["id"], subscription["customer"], subscription["id"])
    shown = [json.dumps(one) for one in (subscription, customer, product)]
    return Template(json.dumps(event, indent=2), *shown, ids)


def signed_request(host: str, body: str) -> bytes:
    """A whole HTTP request, ready for the wire."""
    content = body.encode()
    signature = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    head = (
        "POST /webhooks/stripe HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(content)}",
        f"Stripe-Signature: {signature}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def _order(client: stripe.StripeClient) -> stripe.params.SubscriptionCreateParams:
    card = "pm_card_visa"
    customer = client.v1.customers.create(
        {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    )
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
            "lookup_key": "pro_month",
            "product_data": {"name": "Pro"},
        }
    )
    return {"customer": customer.id, "items": [{"price": price.id}]}
