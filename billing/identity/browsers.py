"""Who sits at this browser? A cookie names the session; only the pages read it, never the API."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, Response, g, request

from billing.database import moment, reading, transaction
from billing.errors import Unauthorized
from billing.identity import sessions
from billing.identity.sessions import RefreshTokenInvalid, Ticket
from billing.models import RefreshToken, User
from billing.settings import settings

PAGES = "pages"
"""The blueprint whose requests have a visitor."""


class NotSignedIn(Unauthorized):
    """The page is about an account, and nobody is signed in."""

    code = "not_signed_in"


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user who is signed in here, and the session that says so."""

    user_id: UUID
    email: str | None
    session: str


class BrowserTicket(Ticket):
    """The secret of a cookie. It is kept under another hash, so it is no refresh token."""

    __slots__ = ()

    @property
    def hash(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(b"browser:" + self.secret.encode("utf-8", "replace")).hexdigest()


def init_app(app: Flask) -> None:
    """Read the cookie of every page. Call this before the limiter's init_app."""
    app.before_request(identify)


def identify() -> None:
    """Set `g.visitor`: who is signed in, or None. Outside of the pages it is always None."""
    cookie = request.cookies.get(cookie_name("session")) if PAGES in request.blueprints else None
    g.visitor = find(cookie) if cookie else None


def visitor() -> Visitor:
    """Return who is signed in. Raises NotSignedIn."""
    known: Visitor | None = g.visitor
    if known is None:
        raise NotSignedIn("Sign in to see this page.")
    return known


def sign_in(response: Response, user_id: UUID) -> None:
    """Begin a session and give it to the browser; the one it had is over."""
    sign_out(response)
    with transaction():
        session = sessions.start(user_id, BrowserTicket)
    give_cookie(response, "session", session, sessions.lifetime())


def sign_out(response: Response) -> None:
    """End the browser's session, here and there."""
    known: Visitor | None = g.visitor
    if known is not None:
        sessions.end(known.session)
    give_cookie(response, "session", "", 0)


def find(session: str) -> Visitor | None:
    """Tell whose session this is, if it is one and still holds."""
    try:
        ticket = BrowserTicket.read(session)
    except RefreshTokenInvalid:
        return None
    statement = (
        sa.select(User.id, User.email)
        .join(RefreshToken, RefreshToken.user_id == User.id)
        .where(
            RefreshToken.id == ticket.family,
            RefreshToken.token_hash == ticket.hash,
            RefreshToken.revoked_at.is_(None),
            RefreshToken.expires_at > moment(),
        )
    )
    with reading() as held:
        row = held.execute(statement).first()
    return Visitor(row.id, row.email, session) if row else None


def give_cookie(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Set a cookie that no script reads and no other site's form carries; 0 seconds removes it."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=seconds,
        path="/",
        secure=_is_secure(),
        httponly=True,
        samesite="Lax",
    )


def cookie_name(name: str) -> str:
    """Name a cookie. Over https the prefix keeps neighbours on the same domain from setting it."""
    return f"__Host-billing_{name}" if _is_secure() else f"billing_{name}"


def _is_secure() -> bool:
    return settings().app_url.startswith("https:")
