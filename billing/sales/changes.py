"""How does a subscription change? Up at once and paid for, down when the period ends."""

from uuid import UUID

from billing.errors import PaymentRequired
from billing.sales import planning
from billing.sales.holdings import Holding, customer_of_holder, holding_of
from billing.sales.intents import key_of
from billing.sales.refusals import wishes
from billing.sales.targets import Target, Wish, changeable, is_immediate, target_of
from billing.sales.truth import catch_up
from billing.sales.turns import turn_of
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.attempts import attempt
from billing.stripe_api.gateway import gateway
from billing.stripe_api.page_addresses import stripe_page
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync.subjects import Part


class PaymentActionRequired(PaymentRequired):
    """The upgrade waits for its payment; until then everything stays as it was."""

    code = "payment_action_required"


def change(user_id: UUID, wish: Wish) -> None:
    """Make the change, or plan it, and bring our rows to what Stripe then holds.

    Asked for twice, at once or after a crash, it is made once: what is there is seen first, and
    keys derive from it. Raises NoSubscription, NotChangeable, NotFound, NotForSale,
    PaymentActionRequired, RefusedByStripe, ChangeInProgress, StripeUnavailable.
    """
    customer_id = customer_of_holder(user_id)
    with transport.within(settings().request_budget), turn_of(customer_id):
        holding = changeable(holding_of(customer_id))
        target = target_of(holding, wish)
        try:
            with wishes():
                _bring_about(holding, target)
        except PaymentActionRequired:
            catch_up(customer_id, Part.INVOICES)
            raise
        catch_up(customer_id, Part.INVOICES)


def _bring_about(holding: Holding, target: Target) -> None:
    if target.is_held(holding):
        planning.forget(holding)
        _take_back_unpaid(holding)
    elif not is_immediate(holding, target):
        _take_back_unpaid(holding)
        planning.plan(holding, target)
    elif _is_waited_for(holding, target):
        raise payment_action_required(holding.subscription)
    else:
        _take_back_unpaid(holding)
        planning.forget(holding)
        _change_now(holding, target)


def _change_now(holding: Holding, target: Target) -> None:
    with attempt(key_of("change", holding.state, target.text)) as key:
        changed = gateway().change_items(
            holding.id, [target.item(holding)], is_trial=holding.is_in_trial, idempotency_key=key
        )
    if changed.waits_for_payment:
        raise payment_action_required(changed)


def _is_waited_for(holding: Holding, target: Target) -> bool:
    wanted = (target.stripe_price_id, target.quantity)
    return any((one.price_id, one.quantity) == wanted for one in holding.subscription.pending_items)


def _take_back_unpaid(holding: Holding) -> None:
    """Drop a change that waits for its payment: another one is wanted now."""
    invoice_id = holding.subscription.latest_invoice_id
    if not holding.subscription.waits_for_payment or invoice_id is None:
        return
    if gateway().invoice(invoice_id).status == "open":
        with attempt(f"void:{invoice_id}") as key:
            gateway().void_invoice(invoice_id, idempotency_key=key)


def payment_action_required(subscription: SubscriptionSnapshot) -> PaymentActionRequired:
    """Name the page where the customer confirms or pays with another card."""
    invoice = gateway().invoice(subscription.latest_invoice_id or "")
    return PaymentActionRequired(
        "The payment must be confirmed or made with another card; the plan stays until then.",
        hosted_invoice_url=stripe_page(invoice.hosted_invoice_url),
        amount_due=invoice.amount_due,
        currency=invoice.currency,
    )
