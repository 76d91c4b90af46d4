"""How does a link that was mailed sell? Signed, for one user and one plan, for some days."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from itsdangerous import BadData, URLSafeSerializer

from billing import clock
from billing.database import insert, reading, transaction
from billing.errors import BillingError, NotFound
from billing.models import CheckoutState, LinkRevocation, OpenCheckout
from billing.sales.buyers import buyer
from billing.sales.checkout import Checkout, open_checkout
from billing.sales.offers import find_offer
from billing.sales.purchases import AlreadySubscribed
from billing.settings import settings

PURPOSE = "upgrade-link"


class LinkBroken(NotFound):
    """The link is not one of ours, or was changed on its way."""

    code = "link_broken"


class LinkExpired(BillingError):
    """The link was good once."""

    status = 410
    code = "link_expired"


class LinkUsed(BillingError):
    """What the link sells was bought."""

    status = 410
    code = "link_used"


class LinkRevoked(BillingError):
    """The link was taken back, with all others of its user."""

    status = 410
    code = "link_revoked"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a link sells, to whom."""

    user_id: UUID
    plan_name: str
    interval: str
    made_at: datetime
    expires_at: datetime
    revocations: int


@dataclass(frozen=True, slots=True)
class UpgradeLink:
    """An address that sells one plan to one user, and until when."""

    url: str
    expires_at: datetime


def upgrade_link(user_id: UUID, plan_name: str, interval: str = "month") -> UpgradeLink:
    """Make a link. Raises NotFound for an unknown user or plan, NotForSale."""
    buyer(user_id)
    find_offer(plan_name, interval)
    now = clock.utc_now().replace(microsecond=0)
    expires_at = now + timedelta(seconds=settings().link_seconds)
    moments = [clock.to_unix(now), clock.to_unix(expires_at)]
    promise = [str(user_id), plan_name, interval, *moments, _revocations_of(user_id)]
    return UpgradeLink(f"{settings().app_url}/upgrade/{_signer().dumps(promise)}", expires_at)


def revoke_links(user_id: UUID) -> None:
    """Make every link of the user that exists now good for nothing. Raises NotFound."""
    buyer(user_id)
    now = clock.utc_now()
    row = insert(LinkRevocation).values(
        user_id=user_id, revocations=1, created_at=now, updated_at=now
    )
    counted = {"revocations": LinkRevocation.revocations + 1, "updated_at": now}
    with transaction() as session:
        session.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=counted))


def check(token: str) -> Promise:
    """Return what a link that is still good promises. It changes nothing, here or at Stripe.

    Raises LinkBroken, LinkExpired, LinkRevoked, LinkUsed.
    """
    promise = _read(token)
    if clock.utc_now() >= promise.expires_at:
        raise LinkExpired("This link has expired. Ask for a new one.")
    if promise.revocations < _revocations_of(promise.user_id):
        raise LinkRevoked("This link was revoked. Ask for a new one.")
    if _has_bought_since(promise.user_id, promise.made_at):
        raise LinkUsed("This link was used: the plan is bought.")
    return promise


def follow(token: str) -> Checkout:
    """Open the checkout that the link promises; followed again before payment, it still works.

    Raises what `check` raises, NotForSale, StripeUnavailable.
    """
    promise = check(token)
    try:
        return open_checkout(promise.user_id, promise.plan_name, promise.interval)
    except AlreadySubscribed:
        raise LinkUsed("This link is not needed any more: there is a subscription.") from None


def _read(token: str) -> Promise:
    try:
        user_id, plan_name, interval, made, expires, *revocations = _signer().loads(token)
        (count,) = revocations or [0]  # links made before they could be revoked hold none
        return Promise(
            UUID(user_id),
            plan_name,
            interval,
            clock.from_unix(made),
            clock.from_unix(expires),
            int(count),
        )
    except (BadData, ValueError, TypeError):
        raise LinkBroken(
            "This link is not complete. Copy it whole, or ask for a new one."
        ) from None


def _revocations_of(user_id: UUID) -> int:
    counted = sa.select(LinkRevocation.revocations).where(LinkRevocation.user_id == user_id)
    with reading() as session:
        return session.scalar(counted) or 0


def _has_bought_since(user_id: UUID, moment: datetime) -> bool:
    bought = sa.exists().where(
        OpenCheckout.user_id == user_id,
        OpenCheckout.state == CheckoutState.COMPLETE,
        OpenCheckout.updated_at >= moment,
    )
    with reading() as session:
        return bool(session.scalar(sa.select(bought)))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().jwt_secret, salt=PURPOSE)
