"""What does a subscription owe for a period, or for a change in the middle of one?"""

from billing.emulator.account import Account, Resource, token
from billing.emulator.invoices.shape import line
from billing.emulator.prices import in_currency
from billing.emulator.subscriptions.discounts import take_off
from billing.emulator.subscriptions.shape import items, price_of


def period_lines(
    account: Account, subscription: Resource, due: list[Resource], free: bool = False
) -> list[Resource]:
    """Give a line for each item's current period; a trial's lines are free."""
    lines = []
    for item in due:
        price = in_currency(price_of(account, item), subscription["currency"])
        amount = 0 if free else charged(price, item.get("quantity", 0))
        period = (item["current_period_start"], item["current_period_end"])
        lines.append(line(subscription, item, price, amount, period, told(account, item, free)))
    return take_off(account, subscription, lines)


def told(account: Account, item: Resource, free: bool) -> str:
    """Describe a line in words."""
    product = account.get("product", price_of(account, item)["product"])
    name = product["name"] if product else item["price"]
    return f"Trial period for {name}" if free else f"{item.get('quantity', 1)} × {name}"


def charged(price: Resource, quantity: int) -> int:
    """Give the amount of a quantity in minor units; a tiered price counts as its first tier."""
    if price["unit_amount"] is not None:
        return int(price["unit_amount"]) * quantity
    if price["unit_amount_decimal"] is not None:
        return round(float(price["unit_amount_decimal"]) * quantity)
    tiers = price["_tiers"] or [{}]
    return int(tiers[0].get("unit_amount", 0)) * quantity


def proration(
    account: Account,
    subscription: Resource,
    item: Resource,
    was: tuple[str, int] | None,
    at: int,
) -> list[Resource]:
    """Give the credit for the unused rest of what was, and the charge for the rest of what is."""
    lines: list[Resource] = []
    span = (at, int(item["current_period_end"]))
    whole = max(1, span[1] - int(item["current_period_start"]))
    share = max(0, span[1] - at) / whole
    if not share:
        return lines
    if was:
        price = in_currency(account.find("price", was[0]), subscription["currency"])
        credit = -round(charged(price, was[1]) * share)
        text = f"Unused time on {account.find('product', price['product'])['name']}"
        lines.append(line(subscription, item, price, credit, span, text, True, was[1]))
    if item.get("quantity"):
        price = in_currency(price_of(account, item), subscription["currency"])
        debit = round(charged(price, item["quantity"]) * share)
        text = f"Remaining time on {account.find('product', price['product'])['name']}"
        lines.append(line(subscription, item, price, debit, span, text, True))
    return lines


def hold_for_later(account: Account, subscription: Resource, lines: list[Resource]) -> None:
    """Keep lines for the next invoice."""
    for each in lines:
        kept = {"id": token("_pl_"), "object": "_pending_line", "line": each}
        account.add({**kept, "subscription": subscription["id"]})


def held(account: Account, subscription: Resource) -> list[Resource]:
    """Take the lines that were kept for the next invoice."""
    mine = subscription["id"]
    kept = [held for held in account.all("_pending_line") if held["subscription"] == mine]
    for each in kept:
        account.remove(each)
    return [each["line"] for each in kept]


def all_due(subscription: Resource, at: int) -> list[Resource]:
    """Give the items whose period is over."""
    return [item for item in items(subscription) if item["current_period_end"] <= at]
