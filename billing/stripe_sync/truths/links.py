"""Which user is a Stripe customer? Decided by our own marks only, never by an e-mail address."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database import db, transaction
from billing.database.built import send, table
from billing.models import Cause, DriftKind, User, UserSubscription
from billing.stripe_sync import changes, counters
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.subjects import Part, Subject

USERS, SUBSCRIPTIONS = table(User), table(UserSubscription)
HOLDER = sa.select(USERS.c.id).where(USERS.c.stripe_customer_id == sa.bindparam("customer"))
FOREIGN = sa.select(SUBSCRIPTIONS.c.stripe_subscription_id, SUBSCRIPTIONS.c.user_id).where(
    SUBSCRIPTIONS.c.stripe_customer_id == sa.bindparam("customer"),
    SUBSCRIPTIONS.c.user_id.is_distinct_from(sa.bindparam("user", type_=sa.Uuid())),
)


def link(customer_id: str, claims: list[str], cause: Cause) -> UUID | None:
    """Tie the customer to the user that our metadata names; return who is linked in the end.

    A link that exists is never moved.
    """
    holder = holder_of(customer_id)
    for claim in claims:
        user_id = _user_id(claim)
        if user_id is None or user_id == holder:
            continue
        if holder is not None or not _take(user_id, customer_id):
            detail = f"metadata names user {user_id}, who is linked otherwise"
            drift.report(Finding(DriftKind.LINK_CONFLICT, customer_id, detail))
        else:
            holder = user_id
    if holder is not None:
        _adopt(customer_id, holder, cause)
    return holder


class LinkOutcome(StrEnum):
    """What became of a link that an operator asked for."""

    LINKED = "linked"
    ALREADY_LINKED = "already_linked"
    NO_SUCH_USER = "no_such_user"
    USER_HAS_ANOTHER_CUSTOMER = "user_has_another_customer"
    CUSTOMER_HAS_ANOTHER_USER = "customer_has_another_user"
    NOT_A_CUSTOMER_ID = "not_a_customer_id"


def link_by_hand(user: str, customer_id: str) -> LinkOutcome:
    """Link a user (our id or e-mail address) to a customer, and ask for a refresh of it."""
    if not customer_id.startswith("cus_"):
        return LinkOutcome.NOT_A_CUSTOMER_ID
    with transaction() as session:
        counters.ask(Subject.customer(customer_id, Part.DETAILS))
        found = session.execute(
            sa.select(User.id, User.stripe_customer_id).where(
                sa.or_(User.email == user.strip().casefold(), User.id == _as_uuid(user))
            )
        ).first()
        if found is None:
            session.rollback()
            return LinkOutcome.NO_SUCH_USER
        holder = holder_of(customer_id)
        if holder == found.id:
            return LinkOutcome.ALREADY_LINKED
        if holder is not None:
            return LinkOutcome.CUSTOMER_HAS_ANOTHER_USER
        if not _take(found.id, customer_id):
            return LinkOutcome.USER_HAS_ANOTHER_CUSTOMER
        _adopt(customer_id, found.id, Cause.OPERATOR)
    return LinkOutcome.LINKED


def holder_of(customer_id: str) -> UUID | None:
    """Name the user who is this customer."""
    holder: UUID | None = send(HOLDER, customer=customer_id).scalar()
    return holder


def _take(user_id: UUID, customer_id: str) -> bool:
    taken = db.session.scalar(
        sa.update(User)
        .where(User.id == user_id, User.stripe_customer_id.is_(None))
        .values(stripe_customer_id=customer_id)
        .returning(User.id)
    )
    return taken is not None


def _adopt(customer_id: str, user_id: UUID, cause: Cause) -> None:
    """Give the user what was stored before the link was known."""
    foreign = send(FOREIGN, customer=customer_id, user=user_id).all()
    if not foreign:
        return
    db.session.execute(
        sa.update(UserSubscription)
        .where(UserSubscription.stripe_customer_id == customer_id)
        .values(user_id=user_id)
    )
    changes.note(_adoption(row, user_id, cause) for row in foreign)


def _adoption(row: sa.Row[Any], user_id: UUID, cause: Cause) -> dict[str, Any]:
    return {
        "stripe_id": row.stripe_subscription_id,
        "user_id": user_id,
        "field": "user_id",
        "before": str(row.user_id) if row.user_id else None,
        "after": str(user_id),
        "cause": cause,
        "stripe_event_id": None,
    }


def _user_id(claim: str) -> UUID | None:
    return db.session.scalar(sa.select(User.id).where(User.id == _as_uuid(claim)))


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
