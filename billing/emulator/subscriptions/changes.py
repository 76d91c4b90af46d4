"""How does a subscription change? Items, cancellation, trial, pause of collection."""

from billing.emulator.account import Account, Resource
from billing.emulator.errors import invalid
from billing.emulator.invoices.collection import collect, draft, finalize
from billing.emulator.payment_methods import refuse_foreign_card
from billing.emulator.prices import recurring_price
from billing.emulator.routes import Params
from billing.emulator.subscriptions.billing import (
    held,
    hold_for_later,
    period_lines,
    proration,
)
from billing.emulator.subscriptions.creation import payment_refused
from billing.emulator.subscriptions.discounts import give_discounts
from billing.emulator.subscriptions.shape import (
    ends_at,
    item_of,
    items,
    period_end,
    price_of,
    trial_settings,
)
from billing.emulator.tax_rates import named
from billing.emulator.writing import apply, merged

WRITTEN_AS_TOLD = (
    "billing_thresholds",
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "default_source",
    "description",
    "metadata",
)


def change_subscription(account: Account, subscription: Resource, params: Params) -> None:
    """Apply an update; what is owed for it is invoiced now or with the next invoice."""
    if invoice := apply_change(account, subscription, params):
        settle(account, invoice, params)


def apply_change(account: Account, subscription: Resource, params: Params) -> Resource | None:
    """Apply an update; give the draft of the invoice that is due for it at once, if any."""
    refuse_if_ended(subscription, params)
    refuse_foreign_card(account, params, subscription["customer"])
    at = account.now(subscription["customer"])
    with account.changing(subscription):
        apply(subscription, {n: params[n] for n in WRITTEN_AS_TOLD if n in params})
        set_cancellation(subscription, params, at)
        set_trial(subscription, params, at)
        set_collection(subscription, params)
        if "default_tax_rates" in params:
            rates = named(account, params["default_tax_rates"], "default_tax_rates")
            subscription["default_tax_rates"] = rates
        if "discounts" in params:
            give_discounts(account, subscription, params["discounts"] or [])
        return change_items(account, subscription, params, params.get("proration_date", at))


def refuse_if_ended(subscription: Resource, params: Params) -> None:
    """Let an ended subscription change its metadata and cancellation details only."""
    allowed = {"metadata", "cancellation_details"}
    if subscription["status"] in ("canceled", "incomplete_expired") and params.keys() - allowed:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )


def set_cancellation(subscription: Resource, params: Params, at: int) -> None:
    """Plan or unplan the end."""
    if "cancellation_details" in params:
        apply(subscription["cancellation_details"], params["cancellation_details"])
    if "cancel_at_period_end" in params:
        wanted = params["cancel_at_period_end"]
        subscription["cancel_at_period_end"] = wanted
        plan_end(subscription, ends_at(subscription) if wanted else None, at)
    if "cancel_at" in params:
        subscription["cancel_at_period_end"] = False
        plan_end(subscription, named_moment(subscription, params["cancel_at"]), at)


def named_moment(subscription: Resource, told: int | str) -> int | None:
    """Read cancel_at: a moment, a period's end by name, or an empty text for none."""
    if isinstance(told, int):
        return told
    if told == "":
        return None
    pick = min if told == "min_period_end" else max
    return pick(int(item["current_period_end"]) for item in items(subscription))


def plan_end(subscription: Resource, moment: int | None, at: int) -> None:
    """Write when the subscription is to end, and that it was asked for now."""
    subscription["cancel_at"] = moment
    subscription["canceled_at"] = at if moment else None
    reason = "cancellation_requested" if moment else None
    subscription["cancellation_details"]["reason"] = reason


def set_trial(subscription: Resource, params: Params, at: int) -> None:
    """Move the trial's end, or end the trial now."""
    if "trial_settings" in params:
        subscription["trial_settings"] = trial_settings(params["trial_settings"])
    if "trial_end" not in params:
        return
    end = at if params["trial_end"] == "now" else params["trial_end"]
    subscription["trial_end"] = subscription["billing_cycle_anchor"] = end
    if params["trial_end"] == "now" and subscription["status"] == "trialing":
        subscription["status"] = "active"
    subscription["trial_start"] = subscription["trial_start"] or at
    subscription.pop("_trial_notice_sent", None)
    if end > at:
        subscription["status"] = "trialing"
        for item in items(subscription):
            item["current_period_end"] = end


def set_collection(subscription: Resource, params: Params) -> None:
    """Pause or go on with the collection of invoices; the status stays."""
    if "pause_collection" in params:
        told = params["pause_collection"]
        subscription["pause_collection"] = {"resumes_at": None, **told} if told else None


def change_items(
    account: Account, subscription: Resource, params: Params, at: int
) -> Resource | None:
    """Change the items; give the invoice when one is due at once."""
    restart = params.get("billing_cycle_anchor", {}).get("type") == "now"
    restart = restart or params.get("trial_end") == "now"
    lines: list[Resource] = []
    for number, told in enumerate(params.get("items") or []):
        changed, turned = change_item(account, subscription, told, f"items[{number}]", at)
        lines += changed
        restart = restart or turned
    free = subscription["status"] == "trialing" or params.get("trial_end") == "now"
    if free or params.get("proration_behavior") == "none":
        lines = []
    if restart and subscription["status"] != "trialing":
        lines = [each for each in lines if each["amount"] < 0]
        lines += begin_new_period(account, subscription, at)
        return draft(
            account, subscription, "subscription_update", [*held(account, subscription), *lines]
        )
    return bill_prorations(account, subscription, lines, params)


def bill_prorations(
    account: Account, subscription: Resource, lines: list[Resource], params: Params
) -> Resource | None:
    """Invoice prorations now when asked to, else keep them for the next invoice."""
    if not lines:
        return None
    if params.get("proration_behavior") == "always_invoice":
        every = [*held(account, subscription), *lines]
        return draft(account, subscription, "subscription_update", every)
    hold_for_later(account, subscription, lines)
    return None


def change_item(
    account: Account, subscription: Resource, told: Params, path: str, at: int
) -> tuple[list[Resource], bool]:
    """Add, change or remove one item; give the prorated lines and whether its rhythm changed."""
    item = named_item(subscription, told, path)
    if item is None:
        price = recurring_price(account, told, path)
        added = item_of(subscription, price, told, at)
        items(subscription).append(added)
        return proration(account, subscription, added, None, at), False
    was = (item["price"], item.get("quantity", 0))
    rhythm = price_of(account, item)["recurring"]
    if told.get("deleted"):
        return remove_item(account, subscription, item, at), False
    if "price" in told or "price_data" in told:
        item["price"] = recurring_price(account, told, path)["id"]
    if "quantity" in told:
        item["quantity"] = told["quantity"]
    if "tax_rates" in told:
        item["tax_rates"] = named(account, told["tax_rates"], f"{path}[tax_rates]")
    if "billing_thresholds" in told:
        item["billing_thresholds"] = told["billing_thresholds"] or None
    if "metadata" in told:
        item["metadata"] = merged(item["metadata"], told["metadata"])
    turned = differs(rhythm, price_of(account, item)["recurring"])
    same = was == (item["price"], item.get("quantity", 0))
    return ([] if same else proration(account, subscription, item, was, at)), turned


def named_item(subscription: Resource, told: Params, path: str) -> Resource | None:
    """Give the item that a change names, or None for a new one."""
    if "id" not in told:
        return None
    for item in items(subscription):
        if item["id"] == told["id"]:
            return item
    raise invalid(f"No such subscription item: '{told['id']}'", f"{path}[id]", "resource_missing")


def remove_item(
    account: Account, subscription: Resource, item: Resource, at: int
) -> list[Resource]:
    """Take an item away; its unused time is credited."""
    if len(items(subscription)) == 1:
        raise invalid("A subscription must have at least one active plan.", "items")
    items(subscription).remove(item)
    gone = {**item, "quantity": 0}
    return proration(account, subscription, gone, (item["price"], item.get("quantity", 0)), at)


def differs(rhythm: Resource, other: Resource) -> bool:
    """Say whether two prices bill in different intervals."""
    return any(rhythm[name] != other[name] for name in ("interval", "interval_count"))


def begin_new_period(account: Account, subscription: Resource, at: int) -> list[Resource]:
    """Start the billing cycle anew at this moment; give the lines of the new period."""
    subscription["billing_cycle_anchor"] = at
    for item in items(subscription):
        item["current_period_start"] = at
        item["current_period_end"] = period_end(subscription, price_of(account, item), at)
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = ends_at(subscription)
    return period_lines(account, subscription, items(subscription))


def settle(account: Account, invoice: Resource, params: Params) -> None:
    """Collect the invoice of a change; refuse the whole change if so wished."""
    finalize(account, invoice)
    if invoice["collection_method"] == "send_invoice":
        return
    outcome = collect(account, invoice)
    if not outcome.succeeded and params.get("payment_behavior") == "error_if_incomplete":
        raise payment_refused(outcome)
