"""Who is buying? One Stripe customer a user, ever."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import insert_or_nothing, reading, transaction
from billing.errors import Conflict, NotFound
from billing.models import CustomerUnlink, StripeCustomer, User
from billing.sales.intents import key_of
from billing.stripe_api.attempts import attempt
from billing.stripe_api.gateway import gateway
from billing.stripe_sync.truths import links


class CustomerTaken(Conflict):
    """The Stripe customer of this user is linked to another user."""

    code = "customer_taken"


@dataclass(frozen=True, slots=True)
class Buyer:
    """A user and the Stripe customer that pays for them; None before the first purchase."""

    user_id: UUID
    email: str | None
    stripe_customer_id: str | None


def buyer(user_id: UUID) -> Buyer:
    """Read the user. Raises NotFound."""
    with reading() as session:
        row = session.execute(
            sa.select(User.id, User.email, User.stripe_customer_id).where(User.id == user_id)
        ).first()
    if row is None:
        raise NotFound("There is no such user.")
    return Buyer(*row)


def customer_of(buyer: Buyer) -> str:
    """Return the buyer's Stripe customer, made and linked if there is none yet.

    Twice, at once or after a crash, Stripe gives the same customer: the idempotency key is the
    user with the address, and the customer that an operator parted from the user. Whatever is
    linked first stays, so that a customer made unseen does no harm.
    Raises Conflict if an operator has just ended the link.
    """
    if buyer.stripe_customer_id:
        return buyer.stripe_customer_id
    replaced = _replaced_customer(buyer.user_id)
    with attempt(key_of("customer", str(buyer.user_id), buyer.email, replaced)) as key:
        made = gateway().create_customer(
            user_id=str(buyer.user_id), email=buyer.email, idempotency_key=key
        )
    with transaction() as session:
        session.execute(insert_or_nothing(StripeCustomer, {"id": made.id}, key="id"))
        if (buyer.user_id, made.id) in links.parted([made.id]):
            raise Conflict("The customer of this user was just changed; try again.", retry_after=1)
        holder = session.scalar(sa.select(User.id).where(User.stripe_customer_id == made.id))
        if holder not in {None, buyer.user_id}:
            raise CustomerTaken("This user's Stripe customer belongs to another user here.")
        session.execute(
            sa.update(User)
            .where(User.id == buyer.user_id, User.stripe_customer_id.is_(None))
            .values(stripe_customer_id=made.id)
        )
        return (
            session.scalars(
                sa.select(User.stripe_customer_id).where(User.id == buyer.user_id)
            ).one()
            or made.id
        )


def _replaced_customer(user_id: UUID) -> str | None:
    """Return which customer an operator last parted from the user, and when."""
    with reading() as session:
        unlink = session.execute(
            sa.select(CustomerUnlink.stripe_customer_id, CustomerUnlink.updated_at)
            .where(CustomerUnlink.user_id == user_id)
            .order_by(CustomerUnlink.updated_at.desc())
            .limit(1)
        ).first()
    return f"{unlink.stripe_customer_id}:{clock.to_unix(unlink.updated_at)}" if unlink else None
