"""Does somebody pay twice? Two live subscriptions of one customer are reported."""

import sqlalchemy as sa

from billing.database import db
from billing.models import UserSubscription
from billing.models.changes import DriftKind
from billing.models.subscriptions import TERMINAL
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.drift import Finding


def report(customer_id: str) -> None:
    """Note two live subscriptions of one customer as drift, or that there are no more two."""
    live = db.session.scalar(
        sa.select(sa.func.count()).where(
            UserSubscription.stripe_customer_id == customer_id,
            UserSubscription.status.not_in(TERMINAL),
        )
    )
    kind = DriftKind.TWO_LIVE_SUBSCRIPTIONS
    if live and live > 1:
        drift.report(Finding(kind, customer_id, f"{live} live at once"))
    else:
        drift.resolve([Finding(kind, customer_id, "")])
