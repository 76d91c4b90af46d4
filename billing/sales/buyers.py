"""Who is buying? One Stripe customer a user, ever."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from billing.database import insert_or_nothing, reading, transaction
from billing.errors import Conflict, NotFound
from billing.models import StripeCustomer, User
from billing.stripe_api.gateway import gateway


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
    user. Whatever is linked first stays.
    """
    if buyer.stripe_customer_id:
        return buyer.stripe_customer_id
    made = gateway().create_customer(user_id=str(buyer.user_id), email=buyer.email)
    with transaction() as session:
        session.execute(insert_or_nothing(StripeCustomer, {"id": made.id}, key="id"))
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
