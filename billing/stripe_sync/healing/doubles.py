"""Does somebody pay twice? Two live subscriptions of one customer are reported."""

import sqlalchemy as sa

from billing.catalog.ownership import GRANTING
from billing.database.built import send, table
from billing.models import UserSubscription
from billing.models.changes import DriftKind
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.drift import Finding

SUBSCRIPTIONS = table(UserSubscription)
LIVE = sa.select(sa.func.count()).where(
    SUBSCRIPTIONS.c.stripe_customer_id == sa.bindparam("customer"),
    SUBSCRIPTIONS.c.status.in_(GRANTING),
    SUBSCRIPTIONS.c.is_ours,
)


def report(customer_id: str) -> None:
    """Note two live subscriptions of one customer as drift, or that there are no more two."""
    live = send(LIVE, customer=customer_id).scalar_one()
    kind = DriftKind.TWO_LIVE_SUBSCRIPTIONS
    if live > 1:
        drift.report(Finding(kind, customer_id, f"{live} live at once"))
    else:
        drift.resolve([Finding(kind, customer_id, "")])
