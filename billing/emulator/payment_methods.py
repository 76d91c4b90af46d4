"""Payment methods: test cards, and how each behaves when it is charged."""

from typing import Any

from stripe import params as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import card_error, invalid
from billing.emulator.routes import Params, listable, route
from billing.emulator.writing import apply

WORKS, FAILS_LATER, DECLINED, AUTHENTICATES = "works", "fails_later", "declined", "authenticates"

NUMBERS = {
    "4242424242424242": WORKS,
    "5555555555554444": WORKS,
    "4000000000000341": FAILS_LATER,
    "4000000000000002": DECLINED,
    "4000002500003155": AUTHENTICATES,
}
SHARED = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_authenticationRequired": "4000002500003155",
    "tok_visa": "4242424242424242",
}
NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))

listable("/v1/payment_methods", "payment_method", types.PaymentMethodListParams)


@route("GET", "/v1/payment_methods/<id>", types.PaymentMethodRetrieveParams)
def retrieve(account: Account, params: Params, id: str) -> Resource:
    """Give a payment method, or a fresh copy of a shared test one."""
    return card(account, SHARED[id]) if id in SHARED else account.find("payment_method", id)


@route("POST", "/v1/payment_methods", types.PaymentMethodCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Create a card from a test number or token."""
    told: dict[str, Any] = params.get("card", {})
    number = SHARED.get(told.get("token", ""), told.get("number", ""))
    if number not in NUMBERS:
        raise invalid("Only test card numbers are accepted.", "card[number]", "invalid_number")
    return account.add(card(account, number))


@route("POST", "/v1/payment_methods/<id>/attach", types.PaymentMethodAttachParams)
def attach(account: Account, params: Params, id: str) -> Resource:
    """Attach a payment method to a customer."""
    customer = account.find("customer", params["customer"], "customer")
    return attached(account, id, customer["id"])


def attached(account: Account, id: str, customer: str) -> Resource:
    """Give the payment method of this id, attached to the customer; a declined card is refused."""
    if id in SHARED:
        method = account.add(card(account, SHARED[id]))
    else:
        method = account.find("payment_method", id, "payment_method")
    if method["customer"] == customer:
        return method
    if method["_behaviour"] == DECLINED:
        raise card_error("Your card was declined.", "card_declined", decline_code="generic_decline")
    account.edit(method)["customer"] = customer
    account.emit("payment_method.attached", method)
    return method


def refuse_foreign_card(account: Account, params: Params, customer: str) -> None:
    """Refuse a default payment method that is not the customer's own."""
    if wanted := params.get("default_payment_method"):
        method = account.find("payment_method", wanted, "default_payment_method")
        if method["customer"] != customer:
            message = "The payment method must be attached to the customer."
            raise invalid(message, "default_payment_method")


@route("POST", "/v1/payment_methods/<id>/detach", types.PaymentMethodDetachParams)
def detach(account: Account, params: Params, id: str) -> Resource:
    """Detach a payment method; whoever defaulted to it has none."""
    method = account.find("payment_method", id)
    holder = account.get("customer", method["customer"])
    account.edit(method)["customer"] = None
    account.emit("payment_method.detached", method, {"customer": holder and holder["id"]})
    if holder and holder["invoice_settings"]["default_payment_method"] == id:
        with account.changing(holder):
            holder["invoice_settings"]["default_payment_method"] = None
    return method


@route("POST", "/v1/payment_methods/<id>", types.PaymentMethodUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change metadata or billing details."""
    method = account.find("payment_method", id)
    details = params.pop("billing_details", {})
    with account.changing(method):
        method["billing_details"].update(details)
        apply(method, params)
    return method


def card(account: Account, number: str) -> Resource:
    """Make an unattached card of a test number."""
    details = {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    return {
        "id": token("pm_"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": details,
        "card": face(number),
        "created": account.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_behaviour": NUMBERS[number],
    }


def face(number: str) -> Resource:
    """Describe a card as Stripe shows it."""
    brand = "mastercard" if number.startswith("5") else "visa"
    unchecked = {"address_line1_check": None, "address_postal_code_check": None}
    return {
        "brand": brand,
        "checks": {**unchecked, "cvc_check": "pass"},
        "country": "US",
        "display_brand": brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"emulated{number[-4:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": None,
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
