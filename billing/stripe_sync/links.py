"""Which user is a Stripe customer? Decided by our own marks only, never by an e-mail address."""

import logging
from uuid import UUID

import sqlalchemy as sa

from billing.database import db, insert
from billing.models import Drift, User, UserSubscription

log = logging.getLogger(__name__)


def link(customer_id: str, claims: list[str]) -> None:
    """Tie the customer to the user that our metadata names; a link that exists is never moved."""
    holder = db.session.scalar(sa.select(User.id).where(User.stripe_customer_id == customer_id))
    for claim in claims:
        user_id = _user_id(claim)
        if user_id is None or user_id == holder:
            continue
        if holder is not None or not _take(user_id, customer_id):
            _report(customer_id, f"metadata names user {user_id}, who is linked otherwise")
        else:
            holder = user_id
    if holder is not None:
        _adopt(customer_id, holder)


def holder_of(customer_id: str) -> UUID | None:
    """Name the user who is this customer."""
    return db.session.scalar(sa.select(User.id).where(User.stripe_customer_id == customer_id))


def _take(user_id: UUID, customer_id: str) -> bool:
    taken = db.session.scalar(
        sa.update(User)
        .where(User.id == user_id, User.stripe_customer_id.is_(None))
        .values(stripe_customer_id=customer_id)
        .returning(User.id)
    )
    return taken is not None


def _adopt(customer_id: str, user_id: UUID) -> None:
    """Give the user what was stored before the link was known."""
    db.session.execute(
        sa.update(UserSubscription)
        .where(
            UserSubscription.stripe_customer_id == customer_id,
            UserSubscription.user_id.is_distinct_from(user_id),
        )
        .values(user_id=user_id)
    )


def _user_id(claim: str) -> UUID | None:
    try:
        user_id = UUID(claim)
    except ValueError:
        return None
    return db.session.scalar(sa.select(User.id).where(User.id == user_id))


def _report(customer_id: str, detail: str) -> None:
    log.warning("link_conflict=%s %s", customer_id, detail)
    row = insert(Drift).values(kind="link_conflict", stripe_id=customer_id, detail=detail)
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["kind", "stripe_id"],
            set_={"detail": row.excluded.detail, "resolved_at": None},
        )
    )
