"""Why does a user have this plan? The same decision in words."""

from datetime import datetime

from billing.entitlements.access import Access, Reason

WORDS = {
    Reason.NO_SUBSCRIPTION: "there is no subscription",
    Reason.ACTIVE: "the subscription is active",
    Reason.TRIALING: "the subscription is in its trial",
    Reason.COLLECTION_PAUSED: "collection is paused and the plan is kept meanwhile",
    Reason.COLLECTION_VOIDED: "collection is paused and its invoices are voided",
    Reason.GRACE: "a payment is late, and the grace period runs",
    Reason.GRACE_OVER: "a payment is late, and the grace period is over",
    Reason.UNPAID: "the invoices of the subscription stay unpaid",
    Reason.PAUSED: "the trial ended without a payment method, so the subscription is paused",
    Reason.INCOMPLETE: "the first payment has not succeeded yet",
    Reason.INCOMPLETE_EXPIRED: "the first payment never succeeded",
    Reason.PAID_THROUGH: "the subscription is canceled, and what was granted has not run out",
    Reason.ENDED: "the subscription has ended",
    Reason.DISPUTED: "a payment of the subscription is disputed",
    Reason.UNKNOWN_STATUS: "Stripe reports a status that is not known here, so the plan is kept",
    Reason.UNMAPPED_PRICE: "the price belongs to no plan, so the plan held before is kept",
}


def explain(access: Access) -> str:
    """Say the decision in one sentence."""
    plan = access.plan.name if access.plan else "free"
    until = f" until {_moment(access.until)}" if access.until else ""
    return f"The plan is {plan}{until}: {WORDS[access.reason]}."


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
