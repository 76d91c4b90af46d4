"""How did the checkouts that we opened end?"""

import sqlalchemy as sa

from billing.database import db
from billing.models import OpenCheckout
from billing.stripe_api.snapshots import CheckoutSnapshot


def follow_checkout(checkout: CheckoutSnapshot) -> None:
    """Copy the session's end; a session that is not ours has no row and changes nothing."""
    db.session.execute(
        sa.update(OpenCheckout)
        .where(OpenCheckout.stripe_session_id == checkout.id)
        .values(
            state=checkout.status,
            payment_status=checkout.payment_status,
            stripe_subscription_id=checkout.subscription_id,
        )
    )
