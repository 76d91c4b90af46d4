"""Which token does a caller show, and does it hold? Short-lived, signed by us, read without SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from billing.errors import Unauthorized
from billing.settings import settings

ALGORITHM = "HS256"
ISSUER = "billing"
AUDIENCE = "billing-api"
REQUIRED = ["iss", "aud", "sub", "iat", "exp"]
LEEWAY_SECONDS = 5
"""By which the clocks of our machines may differ."""


class TokenMissing(Unauthorized):
    """The request carries no bearer token."""

    code = "token_missing"


class TokenExpired(Unauthorized):
    """The token was good and its time is over."""

    code = "token_expired"


class TokenInvalid(Unauthorized):
    """The token is not one that this service accepts; which part is wrong is not told."""

    code = "token_invalid"

    def __init__(self) -> None:
        super().__init__("The bearer token is not valid here.")


def issue(user_id: UUID, at: datetime) -> str:
    """Sign an access token for the user."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "iat": at,
        "exp": at + timedelta(seconds=settings().token_seconds),
    }
    return jwt.encode(claims, settings().jwt_secret, ALGORITHM)


def read(token: str) -> UUID:
    """Return the user whom the token names. Raises TokenExpired, TokenInvalid."""
    with faults_named():
        claims = jwt.decode(
            token,
            settings().jwt_secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
        return UUID(claims["sub"])


@contextmanager
def faults_named() -> Iterator[None]:
    """Turn the library's errors into TokenExpired and TokenInvalid."""
    try:
        yield
    except jwt.ExpiredSignatureError:
        raise TokenExpired("The bearer token has expired.") from None
    except (jwt.PyJWTError, ValueError):
        raise TokenInvalid from None
