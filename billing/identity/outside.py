"""Who is the bearer of a token that another issuer signed? A user of ours from first sight on."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

import jwt
import sqlalchemy as sa
from flask import Flask, current_app

from billing.database import insert_or_nothing, reading, transaction
from billing.identity import tokens
from billing.identity.keyring import Keyring
from billing.models import User
from config import Issuer

EXTENSION = "billing_outside_issuer"
REQUIRED = ["iss", "aud", "sub", "exp"]
MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of the issuer: its settings, and its keys."""

    issuer: Issuer
    keyring: Keyring


def init_app(app: Flask, issuer: Issuer) -> None:
    """Take the issuer's tokens beside our own."""
    app.extensions[EXTENSION] = Trust(issuer, Keyring(issuer.jwks_url, issuer.algorithm))


def is_from_outside(token: str) -> bool:
    """Tell by the algorithm who should have signed: ours is symmetric, theirs never is."""
    if EXTENSION not in current_app.extensions:
        return False
    return _header(token).get("alg") != tokens.ALGORITHM


def read(token: str) -> UUID:
    """Return the user whom the token names. Raises TokenExpired, TokenInvalid, IssuerUnavailable.

    The first token of a subject makes its user, with no address and no link: neither is believed.
    """
    subject = _subject(token)
    return _find(subject) or _make(subject)


def _subject(token: str) -> str:
    trust = cast(Trust, current_app.extensions[EXTENSION])
    key_id = _header(token).get("kid")
    key = trust.keyring.find(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise tokens.TokenInvalid
    with tokens.faults_named():
        claims = jwt.decode(
            token,
            key,
            algorithms=[trust.issuer.algorithm],
            issuer=trust.issuer.name,
            audience=trust.issuer.audience,
            leeway=tokens.LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
    subject: str = claims["sub"]
    if not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise tokens.TokenInvalid
    return subject


def _find(subject: str) -> UUID | None:
    with reading() as session:
        return session.scalar(sa.select(User.id).where(User.external_subject == subject))


def _make(subject: str) -> UUID:
    """Insert or nothing: of several first requests one makes the user, and all find it."""
    with transaction() as session:
        session.execute(
            insert_or_nothing(User, {"external_subject": subject}, key="external_subject")
        )
        return session.scalars(sa.select(User.id).where(User.external_subject == subject)).one()


def _header(token: str) -> dict[str, object]:
    with tokens.faults_named():
        return jwt.get_unverified_header(token)
