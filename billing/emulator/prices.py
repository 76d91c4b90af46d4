"""Prices: one way to pay for a product."""

import copy
from typing import Any

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import invalid, missing_parameter
from billing.emulator.expansion import included_in
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply, merged

retrievable("/v1/prices/<id>", "price", types.PriceRetrieveParams)
listable(
    "/v1/prices",
    "price",
    types.PriceListParams,
    {
        "lookup_keys": lambda price, keys: price["lookup_key"] in keys,
        "recurring": lambda price, wanted: wanted.items() <= (price["recurring"] or {}).items(),
    },
)

BLANK: Resource = {
    "active": True,
    "billing_scheme": "per_unit",
    "custom_unit_amount": None,
    "livemode": False,
    "lookup_key": None,
    "metadata": {},
    "nickname": None,
    "tax_behavior": "unspecified",
    "tiers_mode": None,
    "transform_quantity": None,
}
RHYTHM = {"interval_count": 1, "meter": None, "trial_period_days": None, "usage_type": "licensed"}


@route("POST", "/v1/prices", types.PriceCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a price; it may take over the lookup key of another."""
    if "product" in params:
        account.find("product", params["product"], "product")
    elif "product_data" not in params:
        raise missing_parameter("product")
    return create_price(account, params)


def create_price(account: Account, params: Params) -> Resource:
    """Create a price of a product that exists, or of one created with it."""
    params = dict(params)
    if product := params.pop("product_data", None):
        params["product"] = create_product(account, product)["id"]
    hand_over_key(account, params)
    recurring = params.pop("recurring", None)
    price: Resource = {"id": token("price_"), "object": "price", "created": account.now()}
    price |= {**copy.deepcopy(BLANK), "type": "recurring" if recurring else "one_time"}
    price["recurring"] = {**RHYTHM, **recurring} if recurring else None
    price["_currency_options"] = params.pop("currency_options", {})
    price["_tiers"] = params.pop("tiers", None)
    account.add({**price, **amounts(params), **params})
    account.emit("price.created", account.find("price", price["id"]))
    return account.find("price", price["id"])


def amounts(params: Params) -> Resource:
    """Give the unit amount in both of its forms, taken from the parameters."""
    whole, exact = params.pop("unit_amount", None), params.pop("unit_amount_decimal", None)
    if whole is None and exact is None and params.get("billing_scheme") != "tiered":
        raise missing_parameter("unit_amount")
    if whole is None and exact is not None and "." not in exact:
        whole = int(exact)
    return {"unit_amount": whole, "unit_amount_decimal": exact or (whole and str(whole))}


def hand_over_key(account: Account, params: Params) -> None:
    """Take a lookup key from the price that holds it, if the request says so."""
    transfer = params.pop("transfer_lookup_key", False)
    key = params.get("lookup_key")
    holder = next((price for price in account.all("price") if price["lookup_key"] == key), None)
    if not key or holder is None:
        return
    if not transfer:
        taken = f"A price (`{holder['id']}`) already uses that lookup key."
        raise invalid(taken, "lookup_key", "resource_already_exists")
    with account.changing(holder):
        holder["lookup_key"] = None


@route("POST", "/v1/prices/<id>", types.PriceUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change what may change: never the amount or the interval."""
    price = account.find("price", id)
    if params.get("lookup_key") != price["lookup_key"]:
        hand_over_key(account, params)
    params.pop("transfer_lookup_key", None)
    options = params.pop("currency_options", None)
    with account.changing(price):
        apply(price, params)
        price["_currency_options"] = options or price["_currency_options"]
    return price


@included_in("price", "currency_options")
def currency_options(account: Account, price: Resource) -> Any:
    """Show the other currencies, the price's own among them."""
    stored = account.find("price", price["id"])
    own = {"unit_amount": price["unit_amount"], "tax_behavior": price["tax_behavior"]}
    every = {price["currency"]: own, **stored["_currency_options"]}
    return {currency: option(told) for currency, told in every.items()}


def in_currency(price: Resource, currency: str) -> Resource:
    """Give a price with its amount in a currency that it has."""
    if currency == price["currency"]:
        return price
    told = price["_currency_options"].get(currency)
    if told is None:
        message = f"The price specified only supports `{price['currency']}`, not `{currency}`."
        raise invalid(message, "currency")
    return {**price, "currency": currency, **option(told)}


def common_currency(wanted: str | None, held: str | None, prices: list[Resource]) -> str:
    """Choose the currency asked for, else the customer's where the prices have it, else theirs."""
    own = str(prices[0]["currency"])
    if wanted is None and held and all(held in known(price) for price in prices):
        return held
    return wanted or own


def known(price: Resource) -> set[str]:
    """Name the currencies of a price."""
    return {price["currency"], *price["_currency_options"]}


def option(told: Resource) -> Resource:
    """Complete one currency's entry."""
    amount = told.get("unit_amount")
    return {
        "custom_unit_amount": None,
        "tax_behavior": told.get("tax_behavior", "unspecified"),
        "unit_amount": amount,
        "unit_amount_decimal": None if amount is None else str(amount),
    }


@included_in("price", "tiers")
def tiers(account: Account, price: Resource) -> Any:
    """Show the tiers, which are never there unasked."""
    return account.find("price", price["id"])["_tiers"]


def plan_of(price: Resource) -> Resource:
    """Give the old plan shape that subscription items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def recurring_price(account: Account, params: Params, path: str) -> Resource:
    """Give the price of a line: one that exists, or one made from price_data."""
    if "price" in params:
        price = account.find("price", params["price"], f"{path}[price]")
        if not price["active"]:
            raise invalid("The price specified is inactive.", f"{path}[price]")
        return price
    if "price_data" not in params:
        raise missing_parameter(f"{path}[price]")
    return create_price(account, params["price_data"])


PRODUCT_BLANK: Resource = {
    "active": True,
    "default_price": None,
    "description": None,
    "images": [],
    "livemode": False,
    "marketing_features": [],
    "metadata": {},
    "package_dimensions": None,
    "shippable": None,
    "statement_descriptor": None,
    "tax_code": None,
    "tax_details": None,
    "type": "service",
    "unit_label": None,
    "url": None,
}


def create_product(account: Account, params: Params) -> Resource:
    """Create a product from its route's parameters or a price's product_data."""
    now = account.now()
    head = {"id": token("prod_", 14), "object": "product", "created": now, "updated": now}
    product = account.add({**head, **copy.deepcopy(PRODUCT_BLANK), **params})
    product["metadata"] = merged({}, product["metadata"])
    account.emit("product.created", product)
    return product
