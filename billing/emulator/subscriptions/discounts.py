"""Which discounts does a subscription have?"""

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import invalid
from billing.emulator.periods import add_months


def give_discounts(account: Account, subscription: Resource, wanted: list[Resource]) -> None:
    """Replace a subscription's discounts by those of coupons, promotion codes or kept ones."""
    account.edit(subscription)["discounts"] = [
        each["discount"] if "discount" in each else discount(account, subscription, each)["id"]
        for each in wanted
    ]


def discount(account: Account, subscription: Resource, told: Resource) -> Resource:
    """Redeem a coupon, named itself or by its promotion code."""
    code = told.get("promotion_code")
    promotion = account.find("promotion_code", code, "discounts") if code else None
    id = promotion["promotion"]["coupon"] if promotion else told.get("coupon", "")
    coupon = account.find("coupon", id, "discounts")
    if not coupon["valid"] or (promotion and not promotion["active"]):
        raise invalid("This coupon can no longer be redeemed.", "discounts", "coupon_expired")
    for redeemed in filter(None, (coupon, promotion)):
        account.edit(redeemed)["times_redeemed"] += 1
    return account.add(given(subscription, coupon, promotion))


def given(subscription: Resource, coupon: Resource, promotion: Resource | None) -> Resource:
    """Make the discount that a redeemed coupon gives from now on."""
    start = int(subscription["created"])
    months = coupon["duration_in_months"]
    return {
        "id": token("di_"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": add_months(start, months) if months else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": promotion and promotion["id"],
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": start,
        "subscription": subscription["id"],
        "subscription_item": None,
        "_spent": False,
    }


def take_off(account: Account, subscription: Resource, lines: list[Resource]) -> list[Resource]:
    """Take the subscription's discounts off the lines of a period, as long as each lasts."""
    at = account.now(subscription["customer"])
    for id in subscription["discounts"]:
        discount = account.find("discount", id)
        coupon = account.get("coupon", discount["source"]["coupon"])
        if coupon and lasts(discount, at):
            spread(discount, coupon, lines)
            account.edit(discount)["_spent"] = coupon["duration"] == "once"
    return lines


def lasts(discount: Resource, at: int) -> bool:
    """Say whether a discount still applies."""
    return not discount.get("_spent") and (discount["end"] is None or at < discount["end"])


def spread(discount: Resource, coupon: Resource, lines: list[Resource]) -> None:
    """Take a coupon's percentage off every line, or its amount off the first ones."""
    left = coupon["amount_off"] or 0
    for line in lines:
        owed = line["amount"] - sum(taken["amount"] for taken in line["discount_amounts"])
        share = round(owed * (coupon["percent_off"] or 0) / 100)
        taken = max(0, min(owed, left or share))
        left -= taken if left else 0
        if taken:
            line["discount_amounts"].append({"amount": taken, "discount": discount["id"]})
