"""What can a customer do in the portal?"""

from collections.abc import Callable, Mapping

from billing.emulator.account import Account, Resource
from billing.emulator.ending import cancel_now, invoices_of
from billing.emulator.errors import invalid
from billing.emulator.invoices.page import pay_with
from billing.emulator.payment_methods import attached, card
from billing.emulator.schedules import create as create_schedule
from billing.emulator.schedules import update as update_schedule
from billing.emulator.subscriptions import pauses
from billing.emulator.subscriptions.changes import change_subscription
from billing.emulator.subscriptions.shape import ends_at, items, price_of

Form = Mapping[str, str]
Action = Callable[[Account, Resource, Resource, Form], None]


def cancel(account: Account, configuration: Resource, subscription: Resource, form: Form) -> None:
    """End the subscription, now or with its period.

    A flexible subscription gets `cancel_at` alone, so that both forms of a planned end occur.
    """
    if configuration["features"]["subscription_cancel"]["mode"] == "immediately":
        return cancel_now(account, subscription, account.now(subscription["customer"]))
    if subscription["billing_mode"]["type"] == "flexible":
        told: Resource = {"cancel_at": ends_at(subscription)}
    else:
        told = {"cancel_at_period_end": True}
    return change_subscription(account, subscription, told)


def keep(account: Account, configuration: Resource, subscription: Resource, form: Form) -> None:
    """Take a planned end back."""
    change_subscription(account, subscription, {"cancel_at": ""})


def switch(account: Account, configuration: Resource, subscription: Resource, form: Form) -> None:
    """Change to another price, now or, where a condition holds, when the period ends."""
    offered = {price["id"]: price for price in switchable(account, configuration)}
    wanted = offered.get(form.get("price", ""))
    if wanted is None:
        raise invalid("This price is not offered in the portal.", "price")
    feature = configuration["features"]["subscription_update"]
    item = items(subscription)[0]
    if waits(feature, price_of(account, item), wanted):
        return switch_later(account, subscription, wanted)
    told = {"items": [{"id": item["id"], "price": wanted["id"]}]}
    behaviour = {"proration_behavior": feature["proration_behavior"]}
    return change_subscription(
        account, subscription, {**told, **behaviour, "payment_behavior": "error_if_incomplete"}
    )


def waits(feature: Resource, present: Resource, wanted: Resource) -> bool:
    """Say whether a change has to wait for the period's end."""
    conditions = {each["type"] for each in feature["schedule_at_period_end"]["conditions"]}
    cheaper = (wanted["unit_amount"] or 0) < (present["unit_amount"] or 0)
    longer = {"day": 0, "week": 1, "month": 2, "year": 3}
    shorter = longer[wanted["recurring"]["interval"]] < longer[present["recurring"]["interval"]]
    decreasing = cheaper and "decreasing_item_amount" in conditions
    return decreasing or (shorter and "shortening_interval" in conditions)


def switch_later(account: Account, subscription: Resource, wanted: Resource) -> None:
    """Plan the change by a schedule."""
    schedule = account.get("subscription_schedule", subscription["schedule"])
    if schedule is None:
        schedule = create_schedule(account, {"from_subscription": subscription["id"]})
    present = schedule["phases"][0]
    told = {name: present[name] for name in ("start_date", "end_date", "items")}
    quantity = items(subscription)[0].get("quantity", 1)
    later = {"items": [{"price": wanted["id"], "quantity": quantity}]}
    update_schedule(account, {"phases": [told, later]}, schedule["id"])


def switchable(account: Account, configuration: Resource) -> list[Resource]:
    """Give the prices that a configuration offers."""
    offered = configuration["features"]["subscription_update"]["products"] or []
    ids = [price for product in offered for price in product["prices"]]
    found = (account.get("price", id) for id in ids)
    return [price for price in found if price and price["active"]]


def pause(account: Account, configuration: Resource, subscription: Resource, form: Form) -> None:
    """Pause the subscription."""
    pauses.pause(account, subscription)


def resume(account: Account, configuration: Resource, subscription: Resource, form: Form) -> None:
    """Go on after a pause."""
    pauses.resume(account, subscription, {})


def change_card(
    account: Account, configuration: Resource, subscription: Resource, form: Form
) -> None:
    """Pay with another card from now on, what is open first."""
    method = account.add(card(account, form.get("card", "")))
    attached(account, method["id"], subscription["customer"])
    customer = account.find("customer", subscription["customer"])
    with account.changing(customer):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    if subscription["default_payment_method"]:
        with account.changing(subscription):
            subscription["default_payment_method"] = method["id"]
    for invoice in invoices_of(account, subscription):
        if invoice["status"] == "open":
            pay_with(account, invoice["id"], form.get("card", ""))


ACTIONS: dict[str, tuple[str, Action]] = {
    "cancel": ("subscription_cancel", cancel),
    "keep": ("subscription_cancel", keep),
    "switch": ("subscription_update", switch),
    "pause": ("subscription_pause", pause),
    "resume": ("subscription_pause", resume),
    "card": ("payment_method_update", change_card),
}
