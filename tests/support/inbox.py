"""What does the inbox hold, and what came of it?"""

import sqlalchemy as sa

from billing.database import moment, reading, transaction
from billing.models import (
    EventState,
    StripeCustomer,
    StripeEvent,
    UserSubscription,
)


def kept(event_id: str) -> tuple[EventState, str | None] | None:
    """What the inbox holds of an event: its state and what went wrong."""
    with reading() as session:
        row = session.execute(
            sa.select(StripeEvent.state, StripeEvent.error).where(
                StripeEvent.stripe_event_id == event_id
            )
        ).first()
    return (row.state, row.error) if row else None


def inbox_size() -> int:
    with reading() as session:
        return session.scalars(sa.select(sa.func.count()).select_from(StripeEvent)).one()


def stored_status() -> str | None:
    with reading() as session:
        return session.scalar(sa.select(UserSubscription.status))


def make_due() -> None:
    """Let the pause run out by the database's clock."""
    with transaction() as session:
        session.execute(sa.update(StripeCustomer).values(due_at=moment(-1)))
