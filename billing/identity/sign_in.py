"""How does a person become a caller? Each way ends with an access and a refresh token."""

from dataclasses import dataclass
from uuid import UUID

from billing import clock
from billing.database import transaction
from billing.identity import sessions, tokens, users
from billing.settings import settings


@dataclass(frozen=True, slots=True)
class Grant:
    """What a caller gets to show later. Lifetimes are in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of the scheme


def register(email: str, password: str) -> Grant:
    """Make an account. Raises Invalid, WeakPassword, EmailTaken."""
    applicant = users.prepare(email, password)
    with transaction():
        user_id = users.create(applicant)
        refresh_token = sessions.start(user_id)
    return _grant(user_id, refresh_token)


def log_in(email: str, password: str) -> Grant:
    """Begin a session of an account. Raises BadCredentials."""
    user_id = users.authenticate(email, password)
    with transaction():
        refresh_token = sessions.start(user_id)
    return _grant(user_id, refresh_token)


def refresh(refresh_token: str) -> Grant:
    """Go on with a session. Raises RefreshTokenInvalid, RefreshTokenReused."""
    return _grant(*sessions.rotate(refresh_token))


def _grant(user_id: UUID, refresh_token: str, seconds: int | None = None) -> Grant:
    return Grant(
        access_token=tokens.issue(user_id, clock.utc_now()),
        expires_in=settings().token_seconds,
        refresh_token=refresh_token,
        refresh_expires_in=sessions.lifetime() if seconds is None else seconds,
    )
