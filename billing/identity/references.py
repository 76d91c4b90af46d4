"""Which user is meant? Our id, `ext:` and the product's own id, or (by hand) an e-mail address."""

from uuid import UUID

import sqlalchemy as sa

from billing.database import reading
from billing.errors import NotFound
from billing.identity import emails
from billing.models import User

EXTERNAL = "ext:"


def user_named(text: str) -> UUID:
    """Find the user that an operator names, by address too. Raises NotFound."""
    if is_address(text):
        return _found(User.email == emails.normalised(text), text)
    return user_referred(text)


def user_referred(text: str) -> UUID:
    """Find the user that a program names: an id, or `ext:` and an id. Raises NotFound."""
    if text.startswith(EXTERNAL):
        return _found(User.external_subject == text.removeprefix(EXTERNAL), text)
    return _found(User.id == _uuid(text), text)


def is_address(text: str) -> bool:
    """Return whether a user is named by an e-mail address, which proves nothing about them."""
    return "@" in text and not text.startswith(EXTERNAL)


def _found(wanted: sa.ColumnElement[bool], text: str) -> UUID:
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
