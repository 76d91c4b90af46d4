"""What happens when somebody pays on the checkout page?"""

from billing.emulator.account import Account, Resource
from billing.emulator.customers import create_customer
from billing.emulator.errors import invalid
from billing.emulator.payment_methods import NUMBERS, attached, card
from billing.emulator.routes import Params
from billing.emulator.subscriptions.creation import create_subscription


def complete(account: Account, session: Resource, number: str, email: str, code: str = "") -> None:
    """Sell: customer, card, subscription, paid invoice. A declined card leaves no trace."""
    if session["status"] != "open":
        raise invalid(f"This checkout is {session['status']}.")
    if code:
        account.edit(session)["_discounts"] = [{"promotion_code": typed(account, session, code)}]
    customer = paying_customer(account, session, email)
    told = bought(session, customer)
    if number or session["payment_method_collection"] == "always":
        told["default_payment_method"] = accepted_card(account, number, customer)
    subscription = create_subscription(account, told, present=True)
    close(account, session, customer, subscription)


def paying_customer(account: Account, session: Resource, email: str) -> Resource:
    """Give the session's customer, or create one for the address typed on the page."""
    if session["customer"]:
        return account.find("customer", session["customer"])
    return create_customer(account, {"email": session["customer_email"] or email})


def typed(account: Account, session: Resource, code: str) -> str:
    """Give the promotion code that was typed, where the session allows one."""
    for found in account.all("promotion_code"):
        if session["allow_promotion_codes"] and found["code"].lower() == code.lower():
            return str(found["id"])
    raise invalid("This code is invalid.", "promotion_code")


def accepted_card(account: Account, number: str, customer: Resource) -> str:
    """Attach the card that was typed; give its id."""
    if number not in NUMBERS:
        raise invalid("Only test card numbers are accepted.", "card", "invalid_number")
    method = account.add(card(account, number))
    return str(attached(account, method["id"], customer["id"])["id"])


def bought(session: Resource, customer: Resource) -> Params:
    """Give the parameters of the subscription that a session sells."""
    told = dict(session["_subscription_data"])
    told["items"] = [
        {"price": line["price"], "quantity": line["quantity"]} for line in session["_lines"]
    ]
    buying = {"customer": customer["id"], "currency": session["currency"]}
    return {**told, **buying, "discounts": session["_discounts"]}


def close(account: Account, session: Resource, customer: Resource, subscription: Resource) -> None:
    """Mark a session complete and tell of it."""
    invoice = account.find("invoice", subscription["latest_invoice"])
    discount = invoice["subtotal"] - invoice["total"]
    account.edit(session)["total_details"]["amount_discount"] = discount
    session.update(
        status="complete",
        amount_total=session["amount_subtotal"] - discount,
        url=None,
        customer=customer["id"],
        customer_details=details(customer),
        subscription=subscription["id"],
        invoice=invoice["id"],
        payment_status="paid" if invoice["total"] else "no_payment_required",
        _email=customer["email"],
    )
    account.emit("checkout.session.completed", session)


def details(customer: Resource) -> Resource:
    """Give what the page learned of the customer."""
    return {
        "address": None,
        "business_name": None,
        "email": customer["email"],
        "individual_name": None,
        "name": customer["name"],
        "phone": customer["phone"],
        "tax_exempt": customer["tax_exempt"],
        "tax_ids": [],
    }
