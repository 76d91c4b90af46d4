"""How does a row come to be wrong? Changed behind everybody's back."""

from uuid import UUID

import sqlalchemy as sa

from billing.database import reading, transaction
from billing.models import SubscriptionPlan, UserSubscription


def set_columns(subscription_id: str, **values: object) -> None:
    """Damage a row behind everybody's back."""
    with transaction() as session:
        session.execute(
            sa.update(UserSubscription)
            .where(UserSubscription.stripe_subscription_id == subscription_id)
            .values(**values)
        )


def delete_row(subscription_id: str) -> None:
    with transaction() as session:
        session.execute(
            sa.delete(UserSubscription).where(
                UserSubscription.stripe_subscription_id == subscription_id
            )
        )


def plan_id(name: str) -> UUID:
    with reading() as session:
        return session.scalars(
            sa.select(SubscriptionPlan.id).where(SubscriptionPlan.name == name)
        ).one()
