"""How is a change of plan asked for, and what does Stripe then hold?"""

from collections.abc import Callable

import stripe
from werkzeug.test import TestResponse

CHANGE = "/v1/subscription/change"
PREVIEW = "/v1/subscription/preview"
ME = "/v1/subscription/me"

Post = Callable[..., TestResponse]


def bought(account: stripe.StripeClient) -> stripe.Subscription:
    """The one subscription at Stripe."""
    (one,) = account.v1.subscriptions.list({"status": "all"}).data
    return one


def keys(account: stripe.StripeClient) -> list[tuple[str | None, int | None]]:
    """What the subscription consists of: lookup keys and quantities."""
    return [(item.price.lookup_key, item.quantity) for item in bought(account)["items"].data]


def invoices(account: stripe.StripeClient, reason: str) -> list[stripe.Invoice]:
    """The invoices made for this reason."""
    return [one for one in account.v1.invoices.list().data if one.billing_reason == reason]


def use_card(account: stripe.StripeClient, card: str) -> None:
    """Pay with this card from now on."""
    one = bought(account)
    method = account.v1.payment_methods.attach(card, {"customer": str(one.customer)})
    account.v1.subscriptions.update(one.id, {"default_payment_method": method.id})
