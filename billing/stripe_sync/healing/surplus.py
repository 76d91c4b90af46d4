"""What is done about who pays twice? By setting, the newer subscription is ended again."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from billing import clock
from billing.catalog import ownership
from billing.catalog.mapping import PriceMap
from billing.catalog.ownership import GRANTING
from billing.database import reading, transaction
from billing.models import OpenCheckout, Status, UserSubscription, UserUsage
from billing.settings import settings
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.subjects import Subject
from config import OnDouble

log = logging.getLogger(__name__)

YOUNG = timedelta(hours=1)
NEWER = UserSubscription
OLDER = aliased(UserSubscription)
EARLIER = aliased(OpenCheckout)


def steps() -> Iterator[Callable[[], object]]:
    """Name what is to be ended: nothing, unless the operator wants it so."""
    if settings().on_double is not OnDouble.CANCEL:
        return
    with reading() as session:
        found = session.execute(_unwanted()).all()
    for customer_id, newer_id in found:
        yield partial(end_newer, customer_id, newer_id)


def end_newer(customer_id: str, newer_id: str) -> None:
    """End it, if Stripe too shows an older one that lives; what it cost becomes a credit."""
    found, _ = gateway().subscriptions_of(customer_id)
    with reading():
        prices = PriceMap.load(item.price for one in found for item in one.items)
    paid = {
        one.id
        for one in found
        if Status.read(one.status) in GRANTING and ownership.is_ours(one, prices)
    }
    if newer_id not in paid or len(paid) < 2:
        return
    try:
        gateway().cancel_now(newer_id, credit=True)
    except StripeMissing:
        log.info("double=%s outcome=ended_already", newer_id)
    subject = Subject.customer(customer_id)
    with transaction():
        counters.ask(subject)
    refresh.run(subject)
    log.warning("double=%s of=%s outcome=cancelled", newer_id, customer_id)


def _unwanted() -> sa.Select[Any]:
    """Bought through our checkout within the hour, beside an older one, and not used since."""
    used = sa.exists().where(
        UserUsage.user_id == NEWER.user_id,
        UserUsage.updated_at >= NEWER.started_at,
        UserUsage.api_calls + UserUsage.jobs_created + UserUsage.compute_minutes > 0,
    )
    columns: list[Any] = [NEWER.stripe_customer_id, NEWER.stripe_subscription_id]
    return (
        sa.select(*columns)
        .join(OpenCheckout, OpenCheckout.stripe_subscription_id == NEWER.stripe_subscription_id)
        .join(OLDER, OLDER.stripe_customer_id == NEWER.stripe_customer_id)
        .outerjoin(EARLIER, EARLIER.stripe_subscription_id == OLDER.stripe_subscription_id)
        .where(
            NEWER.status.in_(GRANTING),
            OLDER.status.in_(GRANTING),
            NEWER.is_ours,
            OLDER.is_ours,
            OLDER.id != NEWER.id,
            sa.or_(
                OLDER.started_at < NEWER.started_at,
                # Paid in the same second: the checkout that was opened later is the newer one.
                sa.and_(
                    OLDER.started_at == NEWER.started_at,
                    sa.or_(EARLIER.id.is_(None), EARLIER.created_at < OpenCheckout.created_at),
                ),
            ),
            NEWER.started_at > clock.utc_now() - YOUNG,
            sa.not_(used),
        )
        .distinct()
        .order_by(NEWER.stripe_subscription_id)
    )
