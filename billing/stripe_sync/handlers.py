"""What does each event mean? It is a hint: it names who or what has changed, and no more."""

from billing.stripe_api.events import Event
from billing.stripe_api.snapshots.shapes import id_of
from billing.stripe_sync.dispatch import BrokenEvent, on
from billing.stripe_sync.subjects import Part, Subject


@on(
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",  # an ended subscription can still be listed
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
)
def subscription_changed(event: Event) -> Subject:
    """The customer's subscriptions are listed, so that one path serves all of these."""
    return Subject.customer(required_id(event, "customer"))


@on(
    "subscription_schedule.created",
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "subscription_schedule.completed",
    "subscription_schedule.canceled",
    "subscription_schedule.aborted",
)
def schedule_changed(event: Event) -> Subject | None:
    """What is planned can change while the subscription stays as it is."""
    customer_id = id_of(event.object.get("customer"))
    return Subject.customer(customer_id) if customer_id else None


@on("customer.created", "customer.updated", "customer.deleted")
def customer_changed(event: Event) -> Subject:
    """E-mail, metadata (the link to a user), currency, or gone together with its subscriptions."""
    return Subject.customer(required_id(event, "id"), Part.DETAILS)


@on(
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",  # a delayed method settled
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
def checkout_changed(event: Event) -> Subject | None:
    """The session itself grants nothing; guests and one-off payments have no customer."""
    customer_id = id_of(event.object.get("customer"))
    return Subject.customer(customer_id, Part.CHECKOUTS) if customer_id else None


@on(
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",  # 3-D Secure is asked for
    "invoice.updated",
    "invoice.voided",
    "invoice.marked_uncollectible",
)
def invoice_changed(event: Event) -> Subject | None:
    """Grace is counted from the oldest open invoice; the status decides about access."""
    customer_id = id_of(event.object.get("customer"))
    return Subject.customer(customer_id, Part.INVOICES) if customer_id else None


@on("entitlements.active_entitlement_summary.updated")
def entitlements_changed(event: Event) -> Subject:
    """The event holds a first page only; the whole set is listed and replaced."""
    return Subject.customer(required_id(event, "customer"), Part.ENTITLEMENTS)


@on("product.created", "product.updated", "product.deleted")
def product_changed(event: Event) -> Subject:
    """Name, on sale or not, and the plan it belongs to."""
    return Subject.product(required_id(event, "id"))


@on("price.created", "price.updated", "price.deleted")
def price_changed(event: Event) -> Subject:
    """A price is followed with its product; lookup keys move between prices of one product."""
    return Subject.product(required_id(event, "product"))


@on(
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",  # won, lost, or an inquiry closed
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
def payment_contested(event: Event) -> Subject | None:
    """Money may go back; which subscription it paid for is asked of Stripe by the charge."""
    charge_id = id_of(event.object.get("charge"))
    return Subject.charge(charge_id) if charge_id else None


@on("charge.refunded")
def charge_refunded(event: Event) -> Subject:
    """A refund is flagged; it never ends a subscription by itself."""
    return Subject.charge(required_id(event, "id"))


@on("test_helpers.test_clock.advancing", "test_helpers.test_clock.ready")
def test_clock_changed(event: Event) -> Subject:
    """Test mode only: the customers on this clock live at another moment now."""
    return Subject.test_clock(required_id(event, "id"))


def required_id(event: Event, name: str) -> str:
    """Read a reference that the event cannot do without. Raises BrokenEvent."""
    found = id_of(event.object.get(name))
    if found is None:
        raise BrokenEvent(f"the {event.type} event names no {name}")
    return found
