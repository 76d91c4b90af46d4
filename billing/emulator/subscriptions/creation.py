"""How does a subscription begin?"""

from billing.emulator.account import Account, Resource
from billing.emulator.errors import ApiError, card_error, invalid, missing_parameter
from billing.emulator.invoices.collection import collect, draft, finalize, paying_method
from billing.emulator.payment_methods import refuse_foreign_card
from billing.emulator.payments import NO_METHOD, Outcome
from billing.emulator.periods import DAY
from billing.emulator.prices import common_currency, in_currency, recurring_price
from billing.emulator.routes import Params
from billing.emulator.subscriptions.billing import period_lines
from billing.emulator.subscriptions.discounts import give_discounts
from billing.emulator.subscriptions.shape import item_of, items, subscription_of_customer
from billing.emulator.tax_rates import named

KEPT_AS_TOLD = (
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "cancel_at_period_end",
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "description",
)


def create_subscription(account: Account, params: Params, present: bool = False) -> Resource:
    """Create a subscription with its first invoice; `present` says that the customer is there."""
    customer = account.find("customer", params["customer"], "customer")
    if customer.get("deleted"):
        raise invalid("This customer has been deleted.", "customer", "resource_missing")
    refuse_foreign_card(account, params, customer["id"])
    subscription = build(account, customer, params)
    account.add(subscription)["_unannounced"] = True
    give_discounts(account, subscription, params.get("discounts") or [])
    bill_first_period(account, subscription, params, present)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = max(i["current_period_end"] for i in items(subscription))
        subscription["canceled_at"] = subscription["created"]
    with account.changing(customer):
        customer["currency"] = subscription["currency"]
    del subscription["_unannounced"]
    account.emit("customer.subscription.created", subscription)
    if subscription["status"] == "trialing":
        warn_of_short_trial(account, subscription)
    return subscription


def build(account: Account, customer: Resource, params: Params) -> Resource:
    """Make the subscription and its items from the parameters."""
    told = params.get("items") or []
    if not told:
        raise missing_parameter("items")
    prices = [recurring_price(account, each, f"items[{n}]") for n, each in enumerate(told)]
    currency = common_currency(params.get("currency"), customer["currency"], prices)
    refuse_unfit(prices, customer, currency)
    subscription = subscription_of_customer(account, customer, params, currency)
    subscription |= {name: params[name] for name in KEPT_AS_TOLD if name in params}
    rates = named(account, params.get("default_tax_rates") or [], "default_tax_rates")
    subscription["default_tax_rates"] = rates
    start_trial(subscription, params)
    if isinstance(params.get("cancel_at"), int):
        subscription.update(cancel_at=params["cancel_at"], canceled_at=subscription["created"])
    now = subscription["created"]
    for each, price in zip(told, prices, strict=True):
        items(subscription).append(item_of(subscription, price, each, now))
    return subscription


def refuse_unfit(prices: list[Resource], customer: Resource, currency: str) -> None:
    """Refuse one-off prices, a mixture of currencies and one that a price lacks."""
    if any(price["recurring"] is None for price in prices):
        raise invalid("The price specified is set to `type=one_time`.", "items[0][price]")
    for price in prices:
        in_currency(price, currency)
    if customer["currency"] not in (None, currency):
        raise invalid("You cannot combine currencies on a single customer.", "items[0][price]")


def start_trial(subscription: Resource, params: Params) -> None:
    """Begin with a trial when one is asked for; the billing cycle starts at its end."""
    now = subscription["created"]
    end = params.get("trial_end")
    if trial_days := params.get("trial_period_days"):
        end = now + trial_days * DAY
    if isinstance(end, int) and end > now:
        subscription.update(status="trialing", trial_start=now, trial_end=end)
        subscription["billing_cycle_anchor"] = end


def bill_first_period(
    account: Account, subscription: Resource, params: Params, present: bool
) -> None:
    """Make the first invoice and collect it as the payment behaviour says."""
    trialing = subscription["status"] == "trialing"
    lines = period_lines(account, subscription, items(subscription), free=trialing)
    invoice = draft(account, subscription, "subscription_create", lines)
    behaviour = params.get("payment_behavior", "allow_incomplete")
    by_hand = subscription["collection_method"] == "send_invoice"
    if not trialing and not by_hand and invoice["amount_due"]:
        subscription["status"] = "incomplete"
        refuse_without_method(account, invoice, behaviour)
    finalize(account, invoice)
    if by_hand or (behaviour == "default_incomplete" and invoice["amount_due"]):
        return
    outcome = collect(account, invoice, present)
    if not outcome.succeeded and behaviour == "error_if_incomplete":
        raise payment_refused(outcome)


def refuse_without_method(account: Account, invoice: Resource, behaviour: str) -> None:
    """Refuse an automatic charge when there is nothing to charge."""
    if behaviour != "default_incomplete" and paying_method(account, invoice) is None:
        message = "This customer has no attached payment source or default payment method."
        raise invalid(message, code="resource_missing")


def payment_refused(outcome: Outcome) -> ApiError:
    """Turn a failed payment into the API's refusal."""
    if outcome.needs_action:
        message = "Payment for this subscription requires additional user action."
        return card_error(message, "subscription_payment_intent_requires_action")
    if outcome is NO_METHOD:
        return invalid(outcome.message, code="resource_missing")
    return card_error(outcome.message, outcome.code, decline_code="generic_decline")


def warn_of_short_trial(account: Account, subscription: Resource) -> None:
    """Send the trial's notice at once when it ends within three days."""
    if subscription["trial_end"] - subscription["created"] <= 3 * DAY:
        subscription["_trial_notice_sent"] = True
        account.emit("customer.subscription.trial_will_end", subscription)
