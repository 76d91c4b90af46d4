"""Changes of the link between a user and a Stripe customer, by an operator, checked at Stripe."""

from uuid import UUID

from billing.models import Cause
from billing.sales.checkout import close_checkout_of_others
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import refresh
from billing.stripe_sync.subjects import Subject
from billing.stripe_sync.truths import operator_links
from billing.stripe_sync.truths.operator_links import LinkOutcome


def link(user_id: UUID, customer_id: str, reason: str | None = None) -> LinkOutcome:
    """Link the user to a customer that Stripe knows. Raises StripeUnavailable."""
    return _refusal(customer_id) or operator_links.link(user_id, customer_id, reason)


def move(user_id: UUID, customer_id: str, reason: str) -> LinkOutcome:
    """Link the user to another customer that Stripe knows, and end what the former one sells.

    Raises StripeUnavailable; called again, it does what is left to do.
    """
    refusal = _refusal(customer_id)
    if refusal is not None:
        return refusal
    outcome = operator_links.move(user_id, customer_id, reason)
    close_checkout_of_others(user_id, operator_links.customer_of(user_id))
    return outcome


def unlink(user_id: UUID, reason: str) -> LinkOutcome:
    """End the user's link and the checkout that is open for it.

    Raises StripeUnavailable; called again, it does what is left to do.
    """
    outcome = operator_links.unlink(user_id, reason)
    close_checkout_of_others(user_id, operator_links.customer_of(user_id))
    return outcome


def refresh_now(customer_id: str) -> None:
    """Fetch the customer at once; what fails is tried again later by the sweep."""
    refresh.run(Subject.customer(customer_id), Cause.OPERATOR)


def _refusal(customer_id: str) -> LinkOutcome | None:
    """Return why the customer cannot be linked to anybody."""
    if not customer_id.startswith("cus_"):
        return LinkOutcome.NOT_A_CUSTOMER_ID
    try:
        customer = gateway().customer(customer_id)
    except StripeMissing:
        return LinkOutcome.NO_SUCH_CUSTOMER
    return LinkOutcome.CUSTOMER_DELETED if customer.deleted else None
