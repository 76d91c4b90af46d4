"""How does a customer buy? One open Checkout Session a user, and never a second subscription."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import insert, reading, transaction
from billing.errors import BillingError, Conflict, Invalid, StripeUnavailable
from billing.models import CheckoutState, OpenCheckout
from billing.sales.buyers import buyer, customer_of
from billing.sales.offers import Offer, find_offer, require_seats
from billing.sales.purchases import (
    AlreadySubscribed,
    Purchase,
    currency_for,
    is_subscribed,
    parameters_of,
    past_of,
    promotion_id,
    require_customer,
)
from billing.sales.refusals import wishes
from billing.sales.truth import catch_up
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.attempts import attempt
from billing.stripe_api.faults import StripeMissing, StripeRefusal, StripeRefused, is_refusal
from billing.stripe_api.gateway import gateway
from billing.stripe_sync.subjects import Part
from config import origin_of

log = logging.getLogger(__name__)

__all__ = ["AlreadySubscribed", "Checkout", "open_checkout", "opened"]

OPEN_FOR = timedelta(hours=23)
"""How long we call a session open: Stripe's day, less the time to type a card number."""

CLAIM_ROUNDS = 3


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


def open_checkout(user_id: UUID, plan_name: str, interval: str = "month", **more: Any) -> Checkout:
    """Open a Checkout Session for the plan, or return the one that is open for it already.

    `more` are the further fields of a Purchase. Raises NotFound, NotForSale, TooManySeats,
    ReturnUrlNotAllowed, AlreadySubscribed, CustomerDeleted, CurrencyMismatch,
    UnknownPromotionCode, RefusedByStripe, StripeUnavailable.
    Safe to repeat, also at the same time and after a crash.
    """
    return opened(user_id, Purchase(plan_name, interval, **more))


def opened(user_id: UUID, purchase: Purchase) -> Checkout:
    """Open the session of a purchase; `open_checkout` tells what may be raised."""
    allowed(purchase.success_url)
    allowed(purchase.cancel_url)
    find_offer(purchase.plan_name, purchase.interval, purchase.currency)
    require_seats(purchase.plan_name, purchase.quantity)
    who = buyer(user_id)
    with transport.within(settings().request_budget):
        past = past_of(who)
        currency = currency_for(purchase, past)
        offer = find_offer(purchase.plan_name, purchase.interval, currency)
        promotion = promotion_id(purchase.promotion_code, who.stripe_customer_id)
        customer_id = customer_of(who)
        asked = parameters_of(who, customer_id, offer, purchase, past, promotion)
        with wishes():
            try:
                return filled(claim_checkout(who.user_id, offer, asked))
            except StripeMissing:
                require_customer(customer_id)
                raise


def allowed(url: str | None) -> str | None:
    """Pass an address on an allowed origin. Raises ReturnUrlNotAllowed."""
    if url is not None and origin_of(url) not in settings().return_origins:
        raise ReturnUrlNotAllowed("The return address is not on an allowed origin.")
    return url


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


def close_checkout_of_others(user_id: UUID, customer_id: str | None) -> None:
    """Expire the user's open session if it sells to any other customer than this one.

    One that was paid stays paid. Safe to repeat. Raises StripeUnavailable.
    """
    claim = _open_claim(user_id)
    if claim is None or claim.stripe_customer_id == customer_id:
        return
    try:
        close_claim(claim)
    except AlreadySubscribed:
        log.warning("checkout.paid_for_former_customer session=%s", claim.stripe_session_id)


def close_claim(claim: Claim) -> None:
    """Expire the claim's session at Stripe, overdue or not, then the claim.

    Raises AlreadySubscribed if it was paid, Conflict while Stripe leaves it open.
    """
    try:
        session_id = filled(claim).session_id  # a request on its way may still make it
    except StripeRefusal as refusal:
        if not is_refusal(refusal) and claim.expires_at > clock.utc_now():
            raise
        return _close(claim.id)  # Stripe will never make it
    status = expired(session_id)
    if status == CheckoutState.COMPLETE:
        catch_up(claim.stripe_customer_id, Part.CHECKOUTS)
        if is_subscribed(claim.stripe_customer_id):
            raise AlreadySubscribed("The earlier checkout was paid; change it.")
    elif status == CheckoutState.OPEN:
        raise Conflict("The earlier checkout is still open; try again.", retry_after=5)
    return _close(claim.id)


def expired(session_id: str) -> str | None:
    """Expire the session; return the status it then has. One unknown to Stripe is expired."""
    try:
        with attempt(f"expire:{session_id}") as key:
            session = gateway().expire_checkout_session(session_id, idempotency_key=key)
    except (StripeRefused, StripeMissing):
        try:
            session = gateway().checkout_session(session_id)
        except StripeMissing:
            return CheckoutState.EXPIRED
    return session.status


def filled(claim: Claim) -> Checkout:
    """Return the claim's session, made at Stripe if nobody has yet; a refusal ends the claim."""
    if claim.stripe_session_id and claim.url:
        return Checkout(claim.stripe_session_id, claim.url, claim.expires_at)
    try:
        with attempt(f"checkout:{claim.id}") as key:
            made = gateway().create_checkout_session(claim.parameters, idempotency_key=key)
    except BillingError as error:
        if is_refusal(error):
            _close(claim.id)
        raise
    if made.url is None:
        raise StripeUnavailable("Stripe opened a checkout without an address.")
    expires_at = made.expires_at or claim.expires_at
    if not _keep(claim, made.id, made.url, expires_at):
        expired(made.id)
        raise Conflict("Another checkout of this user was opened; try again.", retry_after=1)
    return Checkout(made.id, made.url, expires_at)


def _keep(claim: Claim, session_id: str, url: str, expires_at: datetime) -> bool:
    """Store the session with its claim; return False if the claim is closed or has another."""
    is_free = sa.or_(
        OpenCheckout.stripe_session_id.is_(None), OpenCheckout.stripe_session_id == session_id
    )
    statement = (
        sa.update(OpenCheckout)
        .where(OpenCheckout.id == claim.id, OpenCheckout.state == CheckoutState.OPEN, is_free)
        .values(stripe_session_id=session_id, url=url, expires_at=expires_at)
        .returning(OpenCheckout.id)
    )
    with transaction() as session:
        return session.scalar(statement) is not None


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
    with transaction() as session:
        session.execute(insert(OpenCheckout).values(row).on_conflict_do_nothing())
        return _open_claim(user_id)


def _open_claim(user_id: UUID) -> Claim | None:
    columns = [getattr(OpenCheckout, field.name) for field in fields(Claim)]
    with reading() as session:
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
