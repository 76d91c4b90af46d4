"""Payments: what happens when a card is charged."""

import copy
from dataclasses import dataclass

from stripe import params as types

from billing.emulator import payment_methods
from billing.emulator.account import Account, Resource, token
from billing.emulator.payment_methods import AUTHENTICATES, WORKS
from billing.emulator.routes import listable, retrievable

retrievable("/v1/payment_intents/<id>", "payment_intent", types.PaymentIntentRetrieveParams)
listable("/v1/payment_intents", "payment_intent", types.PaymentIntentListParams)
retrievable("/v1/charges/<id>", "charge", types.ChargeRetrieveParams)
listable("/v1/charges", "charge", types.ChargeListParams)

NOTHING_YET: Resource = {
    "amount_capturable": 0,
    "amount_received": 0,
    "allowed_payment_method_types": None,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "confirmation_method": "automatic",
    "customer_account": None,
    "description": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "managed_payments": None,
    "metadata": {},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "payment_record": None,
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "requires_payment_method",
    "transfer_data": None,
    "transfer_group": None,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended: succeeded, failed or needs the customer."""

    succeeded: bool
    needs_action: bool = False
    code: str = ""
    message: str = ""


SUCCEEDED = Outcome(True)
DECLINED = Outcome(False, code="card_declined", message="Your card was declined.")
NEEDS_ACTION = Outcome(
    False,
    needs_action=True,
    code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
)
NO_METHOD = Outcome(
    False, code="missing_payment_method", message="The customer has no payment method."
)


def open_intent(account: Account, customer: str, amount: int, currency: str) -> Resource:
    """Prepare a payment of an amount in minor units."""
    id = token("pi_")
    head = {"id": id, "object": "payment_intent", "amount": amount, "currency": currency}
    secret = {"client_secret": f"{id}_secret_{token('', 16)}", "customer": customer}
    created = {"created": account.now(customer)}
    intent = account.add({**head, **copy.deepcopy(NOTHING_YET), **secret, **created})
    account.emit("payment_intent.created", intent)
    return intent


def attempt(
    account: Account, intent: Resource, method: Resource | None, present: bool = False
) -> Outcome:
    """Charge a payment method; `present` says that the customer is there to authenticate."""
    if method is None:
        return NO_METHOD
    account.edit(intent)["payment_method"] = method["id"]
    outcome = decide(method["_behaviour"], present)
    if outcome.needs_action:
        return await_customer(account, intent)
    charge = account.add(charge_of(account, intent, method, outcome))
    intent["latest_charge"] = charge["id"]
    account.emit("charge.succeeded" if outcome.succeeded else "charge.failed", charge)
    return conclude(account, intent, method, outcome)


def decide(behaviour: str, present: bool) -> Outcome:
    """Give the outcome that a test card stands for."""
    if behaviour == WORKS or (present and behaviour != payment_methods.DECLINED):
        return SUCCEEDED
    return NEEDS_ACTION if behaviour == AUTHENTICATES else DECLINED


def await_customer(account: Account, intent: Resource) -> Outcome:
    """Leave the payment waiting for the customer's bank."""
    intent["status"] = "requires_action"
    intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    account.emit("payment_intent.requires_action", intent)
    return NEEDS_ACTION


def conclude(account: Account, intent: Resource, method: Resource, outcome: Outcome) -> Outcome:
    """Write an attempt's end into its payment."""
    intent["next_action"] = None
    if outcome.succeeded:
        intent.update(status="succeeded", last_payment_error=None)
        intent["amount_received"] = intent["amount"]
        account.emit("payment_intent.succeeded", intent)
    else:
        error = {"type": "card_error", "code": outcome.code, "message": outcome.message}
        error["charge"] = intent["latest_charge"]
        intent.update(status="requires_payment_method", payment_method=None)
        intent["last_payment_error"] = {**error, "payment_method": account.view(method)}
        account.emit("payment_intent.payment_failed", intent)
    return outcome


def charge_of(account: Account, intent: Resource, method: Resource, outcome: Outcome) -> Resource:
    """Make the charge of one attempt."""
    paid = outcome.succeeded
    return {
        "id": token("ch_"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": token("txn_") if paid else None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "EMULATED",
        "captured": paid,
        "created": account.now(intent["customer"]),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": outcome.code or None,
        "failure_message": outcome.message or None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": None,
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": paid_by(method["card"]), "type": "card"},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if paid else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def paid_by(card: Resource) -> Resource:
    """Describe the card as a charge shows it."""
    kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    none = dict.fromkeys(
        (
            "amount_authorized",
            "authorization_code",
            "electronic_commerce_indicator",
            "installments",
            "mandate",
            "network_transaction_id",
            "regulated_status",
            "three_d_secure",
            "transaction_link_id",
            "wallet",
        )
    )
    return {
        **{name: card[name] for name in kept},
        **none,
        "last4": card["last4"],
        "network": "visa",
    }
