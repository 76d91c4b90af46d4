"""How does a user stay logged in? By a refresh token that is good for one use."""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid4

import sqlalchemy as sa

from billing import clock
from billing.database import db, insert, moment, transaction
from billing.errors import Unauthorized
from billing.models import RefreshToken
from billing.settings import settings

log = logging.getLogger(__name__)


class RefreshTokenInvalid(Unauthorized):
    """The token is unknown, expired or revoked; the user logs in again."""

    code = "refresh_token_invalid"


class RefreshTokenReused(Unauthorized):
    """The token was used before, so two hold a copy; neither gets further."""

    code = "refresh_token_reused"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A refresh token: its family, and the secret that changes with every use."""

    family: UUID
    secret: str

    @classmethod
    def fresh(cls, family: UUID) -> Self:
        """Make the family's next token."""
        return cls(family, secrets.token_urlsafe(32))

    @classmethod
    def read(cls, text: str) -> Self:
        """Take a token apart. Raises RefreshTokenInvalid."""
        family, _, secret = text.partition(".")
        try:
            return cls(UUID(family), secret)
        except ValueError:
            raise refused() from None

    @property
    def hash(self) -> str:
        """What is kept of it. The secret is random and long: no salt, no slow hash is needed."""
        return hashlib.sha256(self.secret.encode("utf-8", "surrogatepass")).hexdigest()

    def __str__(self) -> str:
        """Write it as the caller keeps it."""
        return f"{self.family.hex}.{self.secret}"


def start(user_id: UUID, kind: type[Ticket] = Ticket) -> str:
    """Begin a family in the caller's transaction; forget the user's expired ones."""
    db.session.execute(
        sa.delete(RefreshToken).where(
            RefreshToken.user_id == user_id,
            RefreshToken.expires_at <= moment(),
        )
    )
    ticket = kind.fresh(uuid4())
    db.session.execute(
        insert(RefreshToken).values(
            id=ticket.family,
            user_id=user_id,
            token_hash=ticket.hash,
            expires_at=moment(lifetime()),
        )
    )
    return str(ticket)


def lifetime(age: float = 0) -> int:
    """Return the seconds until a session of this age ends if nobody refreshes it."""
    return max(0, min(settings().refresh_token_seconds, int(settings().session_seconds - age)))


def rotate(refresh_token: str) -> tuple[UUID, str, int]:
    """Exchange a token for the next one of its family; return the user, it, and its seconds.

    However often it is refreshed, a session ends at the age that the settings allow.

    Of several calls with one token one wins: the UPDATE decides. The others show a copy, which
    revokes the family, the winner's new token too. Raises RefreshTokenInvalid, RefreshTokenReused.
    """
    shown = Ticket.read(refresh_token)
    following = Ticket.fresh(shown.family)
    with transaction():
        exchanged = _exchange(shown, following)
        reused = exchanged is None and _revoke(shown.family, RefreshToken.token_hash != shown.hash)
    if exchanged is not None:
        user_id, began_at = exchanged
        age = (clock.utc_now() - began_at).total_seconds()
        return user_id, str(following), lifetime(age)
    if reused:
        log.warning("refresh_family=%s outcome=revoked reason=reused", shown.family)
        raise RefreshTokenReused("This refresh token was used before; log in again.")
    raise refused()


def end(refresh_token: str) -> None:
    """Revoke the token's family. What is no token, or over already, is left as it is."""
    try:
        ticket = Ticket.read(refresh_token)
    except RefreshTokenInvalid:
        return
    with transaction():
        _revoke(ticket.family)


def refused() -> RefreshTokenInvalid:
    """Say no more than that it does not hold."""
    return RefreshTokenInvalid("The refresh token is unknown, expired or revoked; log in again.")


def _exchange(shown: Ticket, following: Ticket) -> tuple[UUID, datetime] | None:
    row = db.session.execute(
        sa.update(RefreshToken)
        .where(
            RefreshToken.id == shown.family,
            RefreshToken.token_hash == shown.hash,
            RefreshToken.revoked_at.is_(None),
            RefreshToken.expires_at > moment(),
            RefreshToken.created_at > moment(-settings().session_seconds),
        )
        .values(token_hash=following.hash, expires_at=moment(settings().refresh_token_seconds))
        .returning(RefreshToken.user_id, RefreshToken.created_at)
    ).first()
    return None if row is None else (row.user_id, row.created_at)


def _revoke(family: UUID, *only_if: sa.ColumnElement[bool]) -> bool:
    revoked = db.session.scalar(
        sa.update(RefreshToken)
        .where(RefreshToken.id == family, RefreshToken.revoked_at.is_(None), *only_if)
        .values(revoked_at=clock.utc_now())
        .returning(RefreshToken.id)
    )
    return revoked is not None
