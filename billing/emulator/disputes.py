"""Refunds, disputes and early fraud warnings: money that goes back."""

from stripe import params as types
from stripe.params import radar as radar_types

from billing.emulator.account import Account, Resource, token
from billing.emulator.errors import invalid, missing_parameter
from billing.emulator.expansion import included_in
from billing.emulator.listing import listing
from billing.emulator.periods import DAY
from billing.emulator.routes import Params, listable, retrievable, route
from billing.emulator.writing import apply, merged

WARNING = "radar.early_fraud_warning"
DAYS_TO_ANSWER = 9
CLOSED = frozenset({"won", "lost", "warning_closed", "prevented"})

retrievable("/v1/refunds/<id>", "refund", types.RefundRetrieveParams)
listable("/v1/refunds", "refund", types.RefundListParams)
retrievable("/v1/disputes/<id>", "dispute", types.DisputeRetrieveParams)
listable("/v1/disputes", "dispute", types.DisputeListParams)
retrievable(
    "/v1/radar/early_fraud_warnings/<id>", WARNING, radar_types.EarlyFraudWarningRetrieveParams
)
listable("/v1/radar/early_fraud_warnings", WARNING, radar_types.EarlyFraudWarningListParams)


@route("POST", "/v1/refunds", types.RefundCreateParams)
def create(account: Account, params: Params) -> Resource:
    """Give a charge back, in whole or in part."""
    charge = refunded_charge(account, params)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if not 0 < amount <= left:
        code = "charge_already_refunded" if left == 0 else "amount_too_large"
        raise invalid("The refund is greater than what is left of the charge.", "amount", code)
    refund = account.add(refund_of(account, charge, amount, params))
    account.emit("refund.created", refund)
    with account.changing(charge, "charge.refunded"):
        charge["amount_refunded"] += amount
        charge["refunded"] = amount == left
    return refund


def refunded_charge(account: Account, params: Params) -> Resource:
    """Give the charge that a refund names, itself or by its payment."""
    if "charge" in params:
        return account.find("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise missing_parameter("charge")
    intent = account.find("payment_intent", params["payment_intent"], "payment_intent")
    return account.find("charge", intent["latest_charge"] or "", "payment_intent")


def refund_of(account: Account, charge: Resource, amount: int, params: Params) -> Resource:
    """Make a refund, in minor units; it succeeds at once."""
    return {
        "id": token("re_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": token("txn_"),
        "charge": charge["id"],
        "created": account.now(charge["customer"]),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": merged({}, params.get("metadata", {})),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


@route("POST", "/v1/refunds/<id>", types.RefundUpdateParams)
def update(account: Account, params: Params, id: str) -> Resource:
    """Change a refund's metadata."""
    refund = account.find("refund", id)
    with account.changing(refund):
        apply(refund, params)
    return refund


@included_in("charge", "refunds")
def refunds(account: Account, charge: Resource) -> Resource:
    """Show the refunds of a charge."""
    mine = [
        account.view(found) for found in account.all("refund") if found["charge"] == charge["id"]
    ]
    return listing(mine, False, f"/v1/charges/{charge['id']}/refunds")


def open_dispute(account: Account, charge: Resource, status: str) -> Resource:
    """Let the cardholder dispute a charge; an inquiry takes no money yet."""
    account.edit(charge)["disputed"] = True
    dispute = account.add(dispute_of(account, charge, status))
    account.emit("charge.dispute.created", dispute)
    if not status.startswith("warning_"):
        account.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def move_dispute(account: Account, dispute: Resource, status: str) -> Resource:
    """Let a dispute go on or end."""
    with account.changing(dispute, "charge.dispute.closed" if status in CLOSED else None):
        dispute["status"] = status
    if status == "won":
        account.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy"),
    *("cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication"),
    *("customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature"),
    *("duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id"),
    *("product_description", "receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation", "shipping_address"),
    *("shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number"),
    *("uncategorized_file", "uncategorized_text"),
)


def dispute_of(account: Account, charge: Resource, status: str) -> Resource:
    """Make a dispute of the whole charge."""
    now = account.now(charge["customer"])
    return {
        "id": token("du_"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DAYS_TO_ANSWER * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "manual",
        },
        "intended_submission_method": None,
        "is_charge_refundable": status.startswith("warning_"),
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": status,
    }


def warn_of_fraud(account: Account, charge: Resource) -> Resource:
    """Let the card's bank warn that a charge looks fraudulent."""
    warning: Resource = {
        "id": token("issfr_"),
        "object": WARNING,
        "actionable": not charge["refunded"],
        "charge": charge["id"],
        "created": account.now(charge["customer"]),
        "fraud_type": "unauthorized_use_of_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    account.emit(f"{WARNING}.created", account.add(warning))
    return warning
