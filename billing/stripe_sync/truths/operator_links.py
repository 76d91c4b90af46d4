"""Links between users and Stripe customers that an operator makes, moves and ends."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import db, insert, reading, transaction
from billing.models import Cause, CustomerUnlink, User
from billing.stripe_sync import changes, counters
from billing.stripe_sync.subjects import Part, Subject
from billing.stripe_sync.truths import links


class LinkOutcome(StrEnum):
    """What became of a link that an operator wanted changed."""

    LINKED = "linked"
    ALREADY_LINKED = "already_linked"
    MOVED = "moved"
    UNLINKED = "unlinked"
    NOT_LINKED = "not_linked"
    NO_SUCH_USER = "no_such_user"
    USER_HAS_ANOTHER_CUSTOMER = "user_has_another_customer"
    CUSTOMER_HAS_ANOTHER_USER = "customer_has_another_user"
    CHANGED_MEANWHILE = "changed_meanwhile"
    NOT_A_CUSTOMER_ID = "not_a_customer_id"
    NO_SUCH_CUSTOMER = "no_such_customer"
    CUSTOMER_DELETED = "customer_deleted"
    ADDRESS_PROVES_NOTHING = "address_proves_nothing"

    @property
    def is_as_wanted(self) -> bool:
        """Return whether the link now stands as the operator wants it."""
        return self in DONE


DONE = {
    LinkOutcome.LINKED,
    LinkOutcome.ALREADY_LINKED,
    LinkOutcome.MOVED,
    LinkOutcome.UNLINKED,
    LinkOutcome.NOT_LINKED,
}


def link(user_id: UUID, customer_id: str, reason: str | None = None) -> LinkOutcome:
    """Link a user who has no customer, and request a refresh of the customer."""
    return _change(user_id, None, customer_id, reason, LinkOutcome.LINKED)


def move(user_id: UUID, customer_id: str, reason: str) -> LinkOutcome:
    """Link the user to this customer, whatever was before; that one keeps nothing of the user."""
    before = customer_of(user_id)
    outcome = LinkOutcome.MOVED if before else LinkOutcome.LINKED
    return _change(user_id, before, customer_id, reason, outcome)


def unlink(user_id: UUID, reason: str) -> LinkOutcome:
    """End the user's link, so that no metadata makes it again. Safe to repeat."""
    before = customer_of(user_id)
    if before is None:
        return LinkOutcome.NOT_LINKED
    return _change(user_id, before, None, reason, LinkOutcome.UNLINKED)


def customer_of(user_id: UUID) -> str | None:
    """Return the customer that the user is linked to."""
    with reading() as session:
        return session.scalar(sa.select(User.stripe_customer_id).where(User.id == user_id))


def _change(
    user_id: UUID,
    before: str | None,
    after: str | None,
    reason: str | None,
    outcome: LinkOutcome,
) -> LinkOutcome:
    """Replace the link in one transaction, with the changes noted; refuse if it is not `before`.

    The customers' rows are locked first, so no refresh writes an old link in between.
    """
    with transaction() as session:
        for customer_id in sorted(each for each in (before, after) if each):
            counters.ask(Subject.customer(customer_id, Part.DETAILS))
        refusal = _replace(user_id, before, after)
        if refusal is not None:
            session.rollback()
            return refusal
        if before is not None:
            _remember_unlink(user_id, before)
            links.adopt(before, None, Cause.OPERATOR, reason=reason)
        if after is not None:
            _forget_unlink(user_id, after)
            links.adopt(after, user_id, Cause.OPERATOR, reason=reason)
        _note(user_id, before, after, reason)
    return outcome


def _note(user_id: UUID, before: str | None, after: str | None, reason: str | None) -> None:
    change = {
        "stripe_id": after or before,
        "user_id": user_id,
        "field": "stripe_customer_id",
        "before": before,
        "after": after,
        "cause": Cause.OPERATOR,
        "reason": reason,
    }
    changes.note([change])


def _replace(user_id: UUID, before: str | None, after: str | None) -> LinkOutcome | None:
    """Write the new link over the old one; return why not."""
    holder = links.holder_of(after) if after else None
    if holder == user_id:
        return LinkOutcome.ALREADY_LINKED
    if holder is not None:
        return LinkOutcome.CUSTOMER_HAS_ANOTHER_USER
    session = db.session
    written = session.scalar(
        sa.update(User)
        .where(User.id == user_id, User.stripe_customer_id.is_not_distinct_from(before))
        .values(stripe_customer_id=after)
        .returning(User.id)
    )
    if written is not None:
        return None
    if session.scalar(sa.select(User.id).where(User.id == user_id)) is None:
        return LinkOutcome.NO_SUCH_USER
    return LinkOutcome.CHANGED_MEANWHILE if before else LinkOutcome.USER_HAS_ANOTHER_CUSTOMER


def _remember_unlink(user_id: UUID, customer_id: str) -> None:
    row = insert(CustomerUnlink).values(user_id=user_id, stripe_customer_id=customer_id)
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["user_id", "stripe_customer_id"],
            set_={"updated_at": clock.utc_now()},
        )
    )


def _forget_unlink(user_id: UUID, customer_id: str) -> None:
    db.session.execute(
        sa.delete(CustomerUnlink).where(
            CustomerUnlink.user_id == user_id, CustomerUnlink.stripe_customer_id == customer_id
        )
    )
