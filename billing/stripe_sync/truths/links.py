"""Links between users and Stripe customers, as our own marks make them; never by an address."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database import db
from billing.database.built import send, table
from billing.models import Cause, CustomerUnlink, DriftKind, User, UserSubscription
from billing.stripe_sync import changes
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.drift import Finding

USERS, SUBSCRIPTIONS, UNLINKS = table(User), table(UserSubscription), table(CustomerUnlink)
HOLDER = sa.select(USERS.c.id).where(USERS.c.stripe_customer_id == sa.bindparam("customer"))
FOREIGN = sa.select(SUBSCRIPTIONS.c.stripe_subscription_id, SUBSCRIPTIONS.c.user_id).where(
    SUBSCRIPTIONS.c.stripe_customer_id == sa.bindparam("customer"),
    SUBSCRIPTIONS.c.user_id.is_distinct_from(sa.bindparam("user", type_=sa.Uuid())),
)


def link(customer_id: str, claims: list[str], cause: Cause) -> UUID | None:
    """Link the customer to the user that our metadata names; return who is linked in the end.

    A link that exists is never moved, and one that an operator ended is not made again.
    """
    holder = holder_of(customer_id)
    for claim in claims:
        user_id = _user_id(claim)
        if user_id is None or user_id == holder or (user_id, customer_id) in parted([customer_id]):
            continue
        if holder is not None or not _take(user_id, customer_id):
            detail = f"metadata names user {user_id}, who is linked otherwise"
            drift.report(Finding(DriftKind.LINK_CONFLICT, customer_id, detail))
        else:
            holder = user_id
    if holder is not None:
        adopt(customer_id, holder, cause)
    return holder


def holder_of(customer_id: str) -> UUID | None:
    """Return the user who is this customer."""
    holder: UUID | None = send(HOLDER, customer=customer_id).scalar()
    return holder


def parted(customer_ids: Iterable[str]) -> set[tuple[UUID, str]]:
    """Return the pairs of user and customer that an operator has parted."""
    statement = sa.select(UNLINKS.c.user_id, UNLINKS.c.stripe_customer_id).where(
        UNLINKS.c.stripe_customer_id.in_(customer_ids)
    )
    return {(row.user_id, row.stripe_customer_id) for row in db.session.execute(statement)}


def adopt(
    customer_id: str, user_id: UUID | None, cause: Cause, *, reason: str | None = None
) -> None:
    """Make the user (None: nobody) the holder of all that is stored of the customer."""
    foreign = send(FOREIGN, customer=customer_id, user=user_id).all()
    if not foreign:
        return
    db.session.execute(
        sa.update(UserSubscription)
        .where(UserSubscription.stripe_customer_id == customer_id)
        .values(user_id=user_id)
    )
    changes.note(_adoption(row, user_id, cause, reason) for row in foreign)


def _take(user_id: UUID, customer_id: str) -> bool:
    taken = db.session.scalar(
        sa.update(User)
        .where(User.id == user_id, User.stripe_customer_id.is_(None))
        .values(stripe_customer_id=customer_id)
        .returning(User.id)
    )
    return taken is not None


def _adoption(
    row: sa.Row[Any], user_id: UUID | None, cause: Cause, reason: str | None
) -> dict[str, Any]:
    return {
        "stripe_id": row.stripe_subscription_id,
        "user_id": user_id or row.user_id,
        "field": "user_id",
        "before": str(row.user_id) if row.user_id else None,
        "after": str(user_id) if user_id else None,
        "cause": cause,
        "stripe_event_id": None,
        "reason": reason,
    }


def _user_id(claim: str) -> UUID | None:
    try:
        named = UUID(claim)
    except ValueError:
        return None
    return db.session.scalar(sa.select(User.id).where(User.id == named))
