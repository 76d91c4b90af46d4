"""What is asked of Stripe for a checkout? What is bought, and what the buyer has had before."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from billing.database import reading
from billing.errors import Conflict, Invalid
from billing.models import StripeCustomer, UserSubscription
from billing.models.subscriptions import TERMINAL
from billing.sales.buyers import Buyer
from billing.sales.holdings import PORTAL, live_and_ours, ours_of
from billing.sales.offers import Offer
from billing.sales.truth import catch_up
from billing.settings import settings
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import gateway

NO_CUSTOMER = "The customer was deleted at Stripe."


class AlreadySubscribed(Conflict):
    """The user has a live subscription; it is changed, not bought again."""

    code = "already_subscribed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, portal=PORTAL)


class CustomerDeleted(Conflict):
    """The user's customer was deleted at Stripe; an operator has to link another."""

    code = "customer_deleted"


class CurrencyMismatch(Invalid):
    """The customer pays in another currency; Stripe does not let that change."""

    code = "currency_mismatch"


class UnknownPromotionCode(Invalid):
    """There is no such code, or it is not for this customer, or over."""

    code = "unknown_promotion_code"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is to be bought, and where to come back to. No currency: the customer's own."""

    plan_name: str
    interval: str = "month"
    quantity: int = 1
    currency: str | None = None
    promotion_code: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What the buyer has had: the currency that is settled, and whether a trial was."""

    currency: str | None = None
    had_trial: bool = False


def past_of(who: Buyer) -> Past:
    """Ask our rows, then Stripe itself, what the buyer had.

    A trial counts for the user and for the Stripe customer, for ever. Raises AlreadySubscribed for
    what still lives, CustomerDeleted.
    """
    had_trial = _stored_trial(who)
    if who.stripe_customer_id is None:
        return Past(had_trial=had_trial)
    if is_subscribed(who.stripe_customer_id):
        raise AlreadySubscribed("There is a subscription already; change it instead.")
    try:
        found, _ = gateway().subscriptions_of(who.stripe_customer_id)
    except StripeMissing:
        raise CustomerDeleted(NO_CUSTOMER) from None
    if live_and_ours(found)[0]:
        catch_up(who.stripe_customer_id)
        raise AlreadySubscribed("There is a subscription already; change it instead.")
    currency, deleted = _stored_customer(who.stripe_customer_id)
    if deleted:
        raise CustomerDeleted(NO_CUSTOMER)
    return Past(
        currency=currency or next((one.currency for one in found if one.currency), None),
        had_trial=had_trial or any(one.trial_end for one in ours_of(found)[0]),
    )


def require_customer(customer_id: str) -> None:
    """Check that Stripe still knows the customer. Raises CustomerDeleted."""
    try:
        is_gone = gateway().customer(customer_id).deleted
    except StripeMissing:
        is_gone = True
    if is_gone:
        raise CustomerDeleted(NO_CUSTOMER) from None


def currency_for(purchase: Purchase, past: Past) -> str:
    """Choose: the customer's own, else what is asked for, else the default.

    Raises CurrencyMismatch.
    """
    if past.currency and purchase.currency not in {None, past.currency}:
        raise CurrencyMismatch(f"This customer pays in {past.currency}.", currency=past.currency)
    return past.currency or purchase.currency or settings().default_currency


def promotion_id(code: str | None, customer_id: str | None) -> str | None:
    """Look a typed code up at Stripe. Raises UnknownPromotionCode."""
    if code is None:
        return None
    found = gateway().promotion_code(code)
    if found is None or found.customer_id not in {None, customer_id}:
        raise UnknownPromotionCode("There is no such promotion code.")
    return found.id


def parameters_of(
    who: Buyer,
    customer_id: str,
    offer: Offer,
    purchase: Purchase,
    past: Past,
    promotion: str | None,
) -> dict[str, Any]:
    """Write the request: our user id goes on the session and on the subscription it makes."""
    base = settings().app_url
    ours = {"user_id": str(who.user_id), "plan": offer.plan_name}
    came_back = f"{base}/checkout/done?session_id={{CHECKOUT_SESSION_ID}}"
    return {
        "mode": "subscription",
        "customer": customer_id,
        "client_reference_id": str(who.user_id),
        "line_items": [{"price": offer.stripe_price_id, "quantity": purchase.quantity}],
        "metadata": ours,
        "subscription_data": {
            "metadata": ours,
            "billing_mode": {"type": settings().billing_mode.value},
            **_trial(offer, past),
        },
        "success_url": purchase.success_url or came_back,
        "cancel_url": purchase.cancel_url or f"{base}/pricing",
        **_discount(promotion),
        **_taxes(),
    }


def _trial(offer: Offer, past: Past) -> dict[str, Any]:
    if not offer.trial_days or past.had_trial:
        return {}
    without_card = {"missing_payment_method": settings().trial_without_card.value}
    return {
        "trial_period_days": offer.trial_days,
        "trial_settings": {"end_behavior": without_card},
    }


def _discount(promotion: str | None) -> dict[str, Any]:
    """A code that was typed here, else by setting a field for it at Stripe: never both."""
    if promotion is not None:
        return {"discounts": [{"promotion_code": promotion}]}
    return {"allow_promotion_codes": True} if settings().promotion_codes else {}


def _taxes() -> dict[str, Any]:
    """Taxes need the address and the name, which Stripe then writes to its customer."""
    told: dict[str, Any] = {}
    if settings().automatic_tax:
        told["automatic_tax"] = {"enabled": True}
    if settings().tax_ids:
        told["tax_id_collection"] = {"enabled": True}
    return told | ({"customer_update": {"address": "auto", "name": "auto"}} if told else {})


def is_subscribed(customer_id: str) -> bool:
    """Return whether the customer has a live subscription among our rows."""
    with reading() as session:
        return bool(
            session.scalar(
                sa.select(
                    sa.exists().where(
                        UserSubscription.stripe_customer_id == customer_id,
                        UserSubscription.status.not_in(TERMINAL),
                        UserSubscription.is_ours,
                    )
                )
            )
        )


def _stored_trial(who: Buyer) -> bool:
    theirs = sa.or_(
        UserSubscription.user_id == who.user_id,
        UserSubscription.stripe_customer_id == who.stripe_customer_id,
    )
    with reading() as session:
        had = sa.exists().where(
            theirs, UserSubscription.trial_end.is_not(None), UserSubscription.is_ours
        )
        return bool(session.scalar(sa.select(had)))


def _stored_customer(customer_id: str) -> tuple[str | None, bool]:
    with reading() as session:
        row = session.execute(
            sa.select(StripeCustomer.currency, StripeCustomer.deleted).where(
                StripeCustomer.id == customer_id
            )
        ).first()
    return (row.currency, row.deleted) if row else (None, False)
