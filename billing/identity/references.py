"""Which user does an operator mean? Our id, or an e-mail address."""

from uuid import UUID

import sqlalchemy as sa

from billing.database import reading
from billing.errors import NotFound
from billing.identity import emails
from billing.models import User


def user_named(text: str) -> UUID:
    """Find the user. Raises NotFound."""
    wanted = User.email == emails.normalised(text) if "@" in text else User.id == _uuid(text)
    with reading() as session:
        found = session.scalar(sa.select(User.id).where(wanted))
    if found is None:
        raise NotFound(f"There is no user {text!r}.")
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
