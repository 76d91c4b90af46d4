"""Which features does Stripe say the customer has? The whole set, replaced."""

import sqlalchemy as sa

from billing.database import db
from billing.models import ActiveEntitlement


def replace(customer_id: str, lookup_keys: list[str]) -> None:
    """Store the customer's features as the whole set that was fetched."""
    mine = ActiveEntitlement.stripe_customer_id == customer_id
    db.session.execute(sa.delete(ActiveEntitlement).where(mine))
    rows = [{"stripe_customer_id": customer_id, "lookup_key": key} for key in lookup_keys]
    if rows:
        db.session.execute(sa.insert(ActiveEntitlement), rows)
