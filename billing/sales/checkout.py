"""How does a customer buy? One open Checkout Session a user, and never a second subscription."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import insert, reading, transaction
from billing.errors import Conflict, Invalid, StripeUnavailable
from billing.models import CheckoutState, OpenCheckout, Status, UserSubscription
from billing.models.subscriptions import TERMINAL
from billing.sales.buyers import Buyer, buyer, customer_of
from billing.sales.offers import Offer, find_offer
from billing.sales.truth import catch_up
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.faults import StripeMissing, StripeRefused
from billing.stripe_api.gateway import gateway
from billing.stripe_sync.subjects import Part
from config import origin_of

OPEN_FOR = timedelta(hours=23)
"""How long we call a session open: Stripe's day, less the time to type a card number."""

CLAIM_ROUNDS = 3


class AlreadySubscribed(Conflict):
    """The user has a live subscription; it is changed, not bought again."""

    code = "already_subscribed"


class ReturnUrlNotAllowed(Invalid):
    """The address to come back to is not on an allowed origin."""

    code = "return_url_not_allowed"


@dataclass(frozen=True, slots=True)
class Checkout:
    """An open Checkout Session: where to send the customer, and until when."""

    session_id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A user's right to one session: its id is the idempotency key of what was asked."""

    id: UUID
    stripe_customer_id: str
    parameters: Mapping[str, Any]
    stripe_session_id: str | None
    url: str | None
    expires_at: datetime

    def is_for(self, parameters: Mapping[str, Any]) -> bool:
        """Tell whether this very purchase is claimed and can still be made."""
        return self.parameters == parameters and self.expires_at > clock.utc_now()


def open_checkout(
    user_id: UUID,
    plan_name: str,
    interval: str = "month",
    *,
    success_url: str | None = None,
    cancel_url: str | None = None,
) -> Checkout:
    """Open a Checkout Session for the plan, or return the one that is open for it already.

    Raises NotFound, NotForSale, ReturnUrlNotAllowed, AlreadySubscribed, StripeUnavailable. Safe to
    repeat, also at the same time and after a crash.
    """
    came = [allowed(success_url), allowed(cancel_url)]
    offer = find_offer(plan_name, interval)
    who = buyer(user_id)
    with transport.within(settings().request_budget):
        refuse_second_subscription(who)
        customer_id = customer_of(who)
        claim = claim_checkout(who.user_id, offer, parameters_of(who, customer_id, offer, *came))
        return filled(claim)


def allowed(url: str | None) -> str | None:
    """Pass an address on an allowed origin. Raises ReturnUrlNotAllowed."""
    if url is not None and origin_of(url) not in settings().return_origins:
        raise ReturnUrlNotAllowed("The return address is not on an allowed origin.")
    return url


def refuse_second_subscription(who: Buyer) -> None:
    """Ask our rows, then Stripe itself, for a subscription that lives. Raises AlreadySubscribed."""
    if who.stripe_customer_id is None:
        return
    with reading() as session:
        held = session.scalars(
            sa.select(UserSubscription.stripe_subscription_id).where(
                UserSubscription.stripe_customer_id == who.stripe_customer_id,
                UserSubscription.status.not_in(TERMINAL),
            )
        ).first()
    if held is None:
        found, _ = gateway().subscriptions_of(who.stripe_customer_id)
        live = [one for one in found if not Status.read(one.status).is_terminal]
        if not live:
            return
        catch_up(who.stripe_customer_id)
    raise AlreadySubscribed("There is a subscription already; change it instead.")


def parameters_of(
    who: Buyer, customer_id: str, offer: Offer, success_url: str | None, cancel_url: str | None
) -> dict[str, Any]:
    """Write the request: our user id goes on the session and on the subscription it makes."""
    base = settings().app_url
    ours = {"user_id": str(who.user_id), "plan": offer.plan_name}
    return {
        "mode": "subscription",
        "customer": customer_id,
        "client_reference_id": str(who.user_id),
        "line_items": [{"price": offer.stripe_price_id, "quantity": 1}],
        "metadata": ours,
        "subscription_data": {"metadata": ours},
        "success_url": success_url or f"{base}/checkout/done?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": cancel_url or f"{base}/pricing",
    }


def claim_checkout(user_id: UUID, offer: Offer, parameters: dict[str, Any]) -> Claim:
    """Hold the user's one open claim for this purchase; another purchase's claim is closed first.

    Raises AlreadySubscribed when that other one was paid in the meantime, Conflict when many
    different purchases contend.
    """
    for _ in range(CLAIM_ROUNDS):
        held = _hold(user_id, offer, parameters)
        if held is not None and held.is_for(parameters):
            return held
        if held is not None:
            close_claim(held)
    raise Conflict("Another checkout of this user is being opened; try again.", retry_after=1)


def close_claim(claim: Claim) -> None:
    """Expire the claim's session at Stripe, then the claim. Raises AlreadySubscribed if paid."""
    if claim.expires_at > clock.utc_now():
        session_id = filled(claim).session_id
        try:
            gateway().expire_checkout_session(session_id)
        except (StripeRefused, StripeMissing):
            now = gateway().checkout_session(session_id)
            if now.status == CheckoutState.COMPLETE:
                catch_up(claim.stripe_customer_id, Part.CHECKOUTS)
                raise AlreadySubscribed("The earlier checkout was paid; change it.") from None
    _close(claim.id)


def filled(claim: Claim) -> Checkout:
    """Return the claim's session, made at Stripe if nobody has yet."""
    if claim.stripe_session_id and claim.url:
        return Checkout(claim.stripe_session_id, claim.url, claim.expires_at)
    made = gateway().create_checkout_session(
        claim.parameters, idempotency_key=f"checkout:{claim.id}"
    )
    if made.url is None:
        raise StripeUnavailable("Stripe opened a checkout without an address.")
    expires_at = made.expires_at or claim.expires_at
    with transaction() as session:
        session.execute(
            sa.update(OpenCheckout)
            .where(OpenCheckout.id == claim.id)
            .values(stripe_session_id=made.id, url=made.url, expires_at=expires_at)
        )
    return Checkout(made.id, made.url, expires_at)


def _hold(user_id: UUID, offer: Offer, parameters: dict[str, Any]) -> Claim | None:
    """Claim, or read the claim that stands; None if that one was closed between the two."""
    row = {
        "user_id": user_id,
        "plan_id": offer.plan_id,
        "stripe_customer_id": parameters["customer"],
        "stripe_price_id": offer.stripe_price_id,
        "parameters": parameters,
        "state": CheckoutState.OPEN,
        "expires_at": clock.utc_now() + OPEN_FOR,
    }
    columns = [getattr(OpenCheckout, field.name) for field in fields(Claim)]
    with transaction() as session:
        session.execute(insert(OpenCheckout).values(row).on_conflict_do_nothing())
        held = session.execute(
            sa.select(*columns).where(
                OpenCheckout.user_id == user_id, OpenCheckout.state == CheckoutState.OPEN
            )
        ).first()
    return Claim(*held) if held else None


def _close(claim_id: UUID) -> None:
    with transaction() as session:
        session.execute(
            sa.update(OpenCheckout)
            .where(OpenCheckout.id == claim_id, OpenCheckout.state == CheckoutState.OPEN)
            .values(state=CheckoutState.EXPIRED)
        )
