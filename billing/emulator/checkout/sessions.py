"""Checkout Sessions over the API."""

from stripe.params import checkout as types

from billing.emulator.account import Account, Resource, token
from billing.emulator.checkout.limits import refuse_restricted, refuse_too_much
from billing.emulator.errors import invalid, missing_parameter
from billing.emulator.expansion import included_in
from billing.emulator.listing import cut, listing
from billing.emulator.periods import DAY, HOUR
from billing.emulator.prices import common_currency, in_currency, recurring_price
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.subscriptions.billing import charged
from billing.emulator.writing import apply, merged

KIND = "checkout.session"

retrievable("/v1/checkout/sessions/<id>", KIND, types.SessionRetrieveParams)
listable(
    "/v1/checkout/sessions",
    KIND,
    types.SessionListParams,
    {"customer_details": lambda session, told: session["_email"] == told.get("email")},
)

BLANK = dict.fromkeys(
    (
        "after_expiration",
        "allow_promotion_codes",
        "allowed_payment_method_types",
        "billing_address_collection",
        "cancel_url",
        "client_reference_id",
        "client_secret",
        "collected_information",
        "consent",
        "consent_collection",
        "currency_conversion",
        "customer",
        "customer_account",
        "customer_creation",
        "customer_details",
        "customer_email",
        "integration_identifier",
        "invoice",
        "invoice_creation",
        "locale",
        "managed_payments",
        "origin_context",
        "payment_intent",
        "payment_link",
        "payment_method_configuration_details",
        "permissions",
        "recovered_from",
        "saved_payment_method_options",
        "setup_intent",
        "shipping_address_collection",
        "shipping_cost",
        "submit_type",
        "subscription",
        "success_url",
        "wallet_options",
    )
)
SHOWN_AS_TOLD = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "integration_identifier",
    "locale",
    "payment_method_collection",
    "success_url",
)


@route("POST", "/v1/checkout/sessions", types.SessionCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Open a page on which a customer can buy a subscription."""
    refuse_unfit(account, params)
    told = params["line_items"]
    prices = [recurring_price(account, each, f"line_items[{n}]") for n, each in enumerate(told)]
    customer = account.get("customer", params.get("customer"))
    held = customer["currency"] if customer else None
    currency = common_currency(params.get("currency"), held, prices)
    lines = [
        line_of(account, each, in_currency(price, currency))
        for each, price in zip(told, prices, strict=True)
    ]
    session = session_of(account, params, lines)
    refuse_too_much(lines)
    for number, each in enumerate(session["_discounts"]):
        if code := each.get("promotion_code"):
            path = f"discounts[{number}][promotion_code]"
            refuse_restricted(account, account.find("promotion_code", code, path), session, path)
    account.add(session)
    session["url"] = f"{account.url}/checkout/{session['id']}"
    return session


def refuse_unfit(account: Account, params: Params) -> None:
    """Refuse what cannot be a subscription's checkout."""
    if params.get("mode") != "subscription":
        raise invalid("This emulator sells in `subscription` mode only.", "mode")
    for needed in ("line_items", "success_url"):
        if not params.get(needed):
            raise missing_parameter(needed)
    if "discounts" in params and "allow_promotion_codes" in params:
        raise invalid("You may only specify one of these: allow_promotion_codes, discounts.")
    if "customer" in params and "customer_email" in params:
        raise invalid("You may only specify one of these: customer, customer_email.")
    refuse_unfit_customer(account, params)
    refuse_expiry(account, params)


def refuse_unfit_customer(account: Account, params: Params) -> None:
    """Refuse a deleted customer, and one whose address may not be written for its taxes."""
    if "customer" not in params:
        if "customer_update" in params:
            raise invalid("`customer_update` needs `customer`.", "customer_update")
        return
    if account.find("customer", params["customer"], "customer").get("deleted"):
        raise invalid("No such customer: it was deleted.", "customer", "resource_missing")
    updates = params.get("customer_update", {})
    if params.get("tax_id_collection", {}).get("enabled") and updates.get("name") != "auto":
        raise invalid("Tax ID collection needs `customer_update[name]` set to `auto`.")


def refuse_expiry(account: Account, params: Params) -> None:
    """Refuse an expiry that is not between 30 minutes and 24 hours away."""
    wanted = params.get("expires_at")
    now = account.now()
    if wanted is not None and not now + HOUR // 2 - 60 <= wanted <= now + DAY + 60:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise invalid(message, "expires_at")


def line_of(account: Account, told: Params, price: Resource) -> Resource:
    """Make one line of the page."""
    quantity = told.get("quantity", 1)
    amount = charged(price, quantity)
    product = account.find("product", price["product"])
    return {
        "id": token("li_"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": merged({}, told.get("metadata", {})),
        "price": price["id"],
        "quantity": quantity,
    }


def session_of(account: Account, params: Params, lines: list[Resource]) -> Resource:
    """Make an open session."""
    now = account.now()
    bought = params.get("subscription_data", {})
    trial = "trial_period_days" in bought or "trial_end" in bought
    total = 0 if trial else sum(line["amount_total"] for line in lines)
    return {
        "id": token("cs_test_", 58),
        "object": KIND,
        **BLANK,
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None}
        | params.get("automatic_tax", {}),
        "created": now,
        "currency": lines[0]["currency"],
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "discounts": [],
        "expires_at": params.get("expires_at", now + DAY),
        "livemode": False,
        "metadata": merged({}, params.get("metadata", {})),
        "mode": "subscription",
        "payment_method_collection": "always",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "tax_id_collection": {"enabled": False, "required": "never"}
        | params.get("tax_id_collection", {}),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": params.get("ui_mode", "hosted_page"),
        **{name: params[name] for name in SHOWN_AS_TOLD if name in params},
        "_discounts": params.get("discounts") or [],
        "_email": params.get("customer_email"),
        "_lines": lines,
        "_subscription_data": params.get("subscription_data", {}),
    }


@route("POST", "/v1/checkout/sessions/<id>", types.SessionUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a session's metadata."""
    session = account.edit(account.find(KIND, id))
    apply(session, {name: value for name, value in params.items() if name == "metadata"})
    return session


@route("POST", "/v1/checkout/sessions/<id>/expire", types.SessionExpireParams)
def expire(account: Account, params: Params, id: str) -> Resource:
    """Close an open session."""
    session = account.find(KIND, id)
    if session["status"] != "open":
        raise invalid(f"Only open sessions can be expired; this one is {session['status']}.")
    expire_session(account, session)
    return session


def expire_session(account: Account, session: Resource) -> None:
    """Close a session and tell of it."""
    account.edit(session).update(status="expired", url=None)
    account.emit("checkout.session.expired", session)


@route("GET", "/v1/checkout/sessions/<id>/line_items", types.SessionLineItemListParams)
def enumerate_lines(account: Account, params: Params, id: str) -> Resource:
    """List what a session sells."""
    lines = shown_lines(account, account.find(KIND, id))
    return cut(lines, params, f"/v1/checkout/sessions/{id}/line_items")


@included_in(KIND, "line_items")
def line_items(account: Account, session: Resource) -> Resource:
    """Show what a session sells, when asked to."""
    lines = shown_lines(account, account.find(KIND, session["id"]))
    return listing(lines, False, f"/v1/checkout/sessions/{session['id']}/line_items")


def shown_lines(account: Account, session: Resource) -> list[Resource]:
    """Give the lines with their whole prices."""
    prices = (account.view(account.find("price", line["price"])) for line in session["_lines"])
    return [{**line, "price": price} for line, price in zip(session["_lines"], prices, strict=True)]
