"""Customers: who pays."""

import copy

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.ending import cancel_now, live
from billing.emulator.payment_methods import attached
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply, merged

retrievable("/v1/customers/<id>", "customer", types.CustomerRetrieveParams)
listable(
    "/v1/customers",
    "customer",
    types.CustomerListParams,
    {"email": lambda customer, email: customer["email"] == email},
)

BLANK: Resource = {
    "address": None,
    "balance": 0,
    "currency": None,
    "customer_account": None,
    "default_source": None,
    "delinquent": False,
    "description": None,
    "discount": None,
    "email": None,
    "livemode": False,
    "name": None,
    "next_invoice_sequence": 1,
    "phone": None,
    "preferred_locales": [],
    "shipping": None,
    "tax_exempt": "none",
    "test_clock": None,
}
NO_INVOICE_SETTINGS = {
    "custom_fields": None,
    "default_payment_method": None,
    "footer": None,
    "rendering_options": None,
}


@route("POST", "/v1/customers", types.CustomerCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a customer, on a test clock when one is named."""
    if "test_clock" in params:
        account.find("test_helpers.test_clock", params["test_clock"], "test_clock")
    return create_customer(account, params)


def create_customer(account: Account, params: Params) -> Resource:
    """Create a customer from parameters that were checked."""
    method, settings = params.pop("payment_method", None), params.pop("invoice_settings", {})
    customer: Resource = {"id": token("cus_", 14), "object": "customer", **copy.deepcopy(BLANK)}
    customer |= {"invoice_prefix": token("", 8).upper(), "created": 0}
    customer["invoice_settings"] = {**NO_INVOICE_SETTINGS}
    customer["metadata"] = merged({}, params.pop("metadata", {}))
    account.add(customer | params)
    customer = account.find("customer", customer["id"])
    customer["created"] = account.now(customer["id"])
    settle_methods(account, customer, method, settings)
    account.emit("customer.created", customer)
    return customer


def settle_methods(
    account: Account, customer: Resource, method: str | None, settings: Resource
) -> None:
    """Attach a payment method and set the default one; both may be the same shared test card."""
    ids: dict[str, str] = {}
    for wanted in (method, settings.get("default_payment_method")):
        if wanted and wanted not in ids:
            ids[wanted] = attached(account, wanted, customer["id"])["id"]
    if default := settings.get("default_payment_method"):
        settings = {**settings, "default_payment_method": ids[default]}
    apply(customer["invoice_settings"], settings)


@route("POST", "/v1/customers/<id>", types.CustomerUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a customer."""
    customer = account.find("customer", id)
    with account.changing(customer):
        settle_methods(account, customer, None, params.pop("invoice_settings", {}))
        apply(customer, params)
    return customer


@route("DELETE", "/v1/customers/<id>", types.CustomerDeleteParams)
def delete(account: Account, params: Params, id: str) -> Resource:
    """Delete a customer: active subscriptions end now, the id stays known as deleted."""
    customer = account.find("customer", id)
    for subscription in account.all("subscription"):
        if subscription["customer"] == id and live(subscription):
            cancel_now(account, subscription, account.now(id))
    account.emit("customer.deleted", customer)
    account.edit(customer).clear()
    customer.update({"id": id, "object": "customer", "deleted": True})
    return customer
