"""How does a link that was mailed sell? Signed, for one user and one plan, for some days."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from itsdangerous import BadData, URLSafeSerializer

from billing import clock
from billing.database import reading
from billing.errors import BillingError, NotFound
from billing.models import CheckoutState, OpenCheckout
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
    told = [str(user_id), plan_name, interval, clock.to_unix(now), clock.to_unix(expires_at)]
    return UpgradeLink(f"{settings().app_url}/upgrade/{_signer().dumps(told)}", expires_at)


def follow(token: str) -> Checkout:
    """Open the checkout that the link promises; clicked again before the payment, it still works.

    Raises LinkBroken, LinkExpired, LinkUsed, NotForSale, StripeUnavailable.
    """
    user_id, plan_name, interval, made_at, expires_at = _read(token)
    if clock.utc_now() >= expires_at:
        raise LinkExpired("This link has expired. Ask for a new one.")
    if _has_bought_since(user_id, made_at):
        raise LinkUsed("This link was used: the plan is bought.")
    try:
        return open_checkout(user_id, plan_name, interval)
    except AlreadySubscribed:
        raise LinkUsed("This link is not needed any more: there is a subscription.") from None


def _read(token: str) -> tuple[UUID, str, str, datetime, datetime]:
    try:
        user_id, plan_name, interval, made, expires = _signer().loads(token)
        return (
            UUID(user_id),
            plan_name,
            interval,
            clock.from_unix(made),
            clock.from_unix(expires),
        )
    except (BadData, ValueError, TypeError):
        raise LinkBroken(
            "This link is not complete. Copy it whole, or ask for a new one."
        ) from None


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
