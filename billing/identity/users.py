"""Which accounts are there? An address belongs to one of them: the unique key decides."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import db, insert_or_nothing, reading, transaction
from billing.errors import Conflict, Invalid, NotFound, Unauthorized
from billing.identity import emails, passwords
from billing.identity.tokens import TokenInvalid
from billing.models import Cause, RefreshToken, User
from billing.stripe_sync import changes


class EmailTaken(Conflict):
    """Another account has this address."""

    code = "email_taken"


class BadCredentials(Unauthorized):
    """The address is unknown or the password is wrong: a caller cannot tell which."""

    code = "bad_credentials"


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who may have an account: an address in its one form, and the hash of a good password."""

    email: str
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """What is told of a user."""

    id: UUID
    email: str | None
    created_at: datetime


def prepare(email: str, password: str) -> Applicant:
    """Check and hash, outside of any transaction. Raises Invalid, WeakPassword."""
    address = emails.checked(email)
    passwords.refuse_weak(password, address)
    return Applicant(address, passwords.hashed(password))


def create(applicant: Applicant) -> UUID:
    """Insert the user in the caller's transaction. Raises EmailTaken.

    It links nothing: an address proves nothing about a Stripe customer.
    """
    row = {"email": applicant.email, "password_hash": applicant.password_hash}
    user_id: UUID | None = db.session.scalar(
        insert_or_nothing(User, row, key="email").returning(User.id)
    )
    if user_id is None:
        raise EmailTaken("An account with this e-mail address exists.")
    return user_id


def authenticate(email: str, password: str) -> UUID:
    """Return whose password this is. Raises BadCredentials, after the same work in every case."""
    with reading() as session:
        found = session.execute(
            sa.select(User.id, User.password_hash).where(User.email == _known_form(email))
        ).first()
    user_id, kept = found or (None, None)
    if not passwords.is_right(password, kept) or user_id is None or kept is None:
        raise BadCredentials("The e-mail address or the password is wrong.")
    if passwords.is_outdated(kept):
        _replace_hash(user_id, kept, passwords.hashed(password))
    return user_id


def free_address(email: str, reason: str) -> UUID:
    """Take the address from the account that has it, and log that account out. Raises NotFound.

    The change log names the account, not the address.
    """
    with transaction() as session:
        user_id: UUID | None = session.scalar(
            sa.update(User)
            .where(User.email == emails.normalised(email))
            .values(email=None, password_hash=None)
            .returning(User.id)
        )
        if user_id is None:
            raise NotFound(f"There is no user {email!r}.")
        session.execute(
            sa.update(RefreshToken)
            .where(RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
            .values(revoked_at=clock.utc_now())
        )
        change = {
            "user_id": user_id,
            "field": "email",
            "before": None,
            "after": None,
            "cause": Cause.OPERATOR,
            "reason": reason,
        }
        changes.note([change])
    return user_id


def account(user_id: UUID) -> Account:
    """Read what the caller may see. Raises TokenInvalid if the account is gone."""
    with reading() as session:
        row = session.execute(
            sa.select(User.id, User.email, User.created_at).where(User.id == user_id)
        ).first()
    if row is None:
        raise TokenInvalid
    return Account(*row)


def newest(limit: int) -> list[Account]:
    """List accounts, the newest first."""
    query = (
        sa.select(User.id, User.email, User.created_at)
        .order_by(User.created_at.desc(), User.id)
        .limit(limit)
    )
    with reading() as session:
        return [Account(*row) for row in session.execute(query)]


def _known_form(email: str) -> str:
    """Normalise; for what is no address, the empty text, which no account has."""
    try:
        return emails.checked(email)
    except Invalid:
        return ""


def _replace_hash(user_id: UUID, outdated: str, fresh: str) -> None:
    """Keep the fresh hash, unless the password was changed meanwhile."""
    with transaction() as session:
        session.execute(
            sa.update(User)
            .where(User.id == user_id, User.password_hash == outdated)
            .values(password_hash=fresh)
        )
