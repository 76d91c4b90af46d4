"""Which users did the product tell us of? It names them by its own ids."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from billing import clock
from billing.database import insert, reading, transaction
from billing.errors import Invalid, NotFound
from billing.identity import emails
from billing.identity.references import EXTERNAL, user_referred
from billing.identity.users import EmailTaken
from billing.models import User

MAX_ID = 255


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A user as the product knows it; `is_new` where this made it."""

    id: UUID
    external_id: str | None
    email: str | None
    is_new: bool


def provision(reference: str, email: str | None) -> Provisioned:
    """Make sure that the user is here; an e-mail address that is given replaces the one held.

    `ext:` and an id makes a user that is not here yet; our own id must exist. Safe to repeat.
    Raises NotFound, Invalid, EmailTaken.
    """
    address = None if email is None else emails.checked(email)
    try:
        if reference.startswith(EXTERNAL):
            return _upsert(_external_id(reference), address)
        return _update(user_referred(reference), address)
    except IntegrityError as error:
        raise EmailTaken("Another user has this e-mail address.") from error


def _external_id(reference: str) -> str:
    external_id = reference.removeprefix(EXTERNAL)
    if not 1 <= len(external_id) <= MAX_ID or not external_id.isprintable():
        raise Invalid(f"An external id is 1 to {MAX_ID} printable characters.")
    return external_id


def _upsert(external_id: str, address: str | None) -> Provisioned:
    made = uuid4()
    row = insert(User).values(id=made, external_subject=external_id, email=address)
    statement = row.on_conflict_do_update(
        index_elements=["external_subject"],
        set_={
            "email": sa.func.coalesce(row.excluded.email, User.email),
            "updated_at": clock.utc_now(),
        },
    ).returning(User.id, User.email)
    with transaction() as session:
        kept = session.execute(statement).one()
    return Provisioned(kept.id, external_id, kept.email, kept.id == made)


def _update(user_id: UUID, address: str | None) -> Provisioned:
    if address is not None:
        with transaction() as session:
            session.execute(sa.update(User).where(User.id == user_id).values(email=address))
    with reading() as session:
        kept = session.execute(
            sa.select(User.external_subject, User.email).where(User.id == user_id)
        ).first()
    if kept is None:
        raise NotFound("There is no such user.")
    return Provisioned(user_id, kept.external_subject, kept.email, is_new=False)
