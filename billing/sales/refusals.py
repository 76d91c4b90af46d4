"""Refusals by Stripe, told to the caller whose own wish was refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from billing.errors import Invalid
from billing.stripe_api.faults import StripeRefusal, is_refusal

OF_THE_CALLER = ("line_items", "items", "phases", "discounts", "success_url", "cancel_url")
"""Parameters whose values the caller chose; the others come from settings."""

OF_THE_ACCOUNT = ("account_", "platform_", "stripe_tax_")
"""How Stripe's error codes begin that only an operator can act on."""


class RefusedByStripe(Invalid):
    """Stripe refused what the caller wished for; the detail is Stripe's own reason."""

    code = "refused_by_stripe"


@contextmanager
def wishes() -> Iterator[None]:
    """Raise RefusedByStripe where Stripe refuses a caller's wish; the refusal itself is logged."""
    try:
        yield
    except StripeRefusal as refusal:
        if not is_refusal(refusal) or not _is_of_a_wish(refusal):
            raise
        facts = {name: refusal.facts.get(name) for name in ("stripe_code", "param")}
        raise RefusedByStripe(refusal.reason or refusal.detail, **facts) from refusal


def _is_of_a_wish(refusal: StripeRefusal) -> bool:
    """Check the parameter that Stripe complains of; without one, as for an amount, the code."""
    parameter = str(refusal.facts.get("param") or "")
    if parameter:
        return parameter.partition("[")[0] in OF_THE_CALLER
    return not str(refusal.facts.get("stripe_code") or "").startswith(OF_THE_ACCOUNT)
