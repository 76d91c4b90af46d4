"""Which backend is speaking? Keys with scopes; a key itself is shown once and never kept."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.database import reading, transaction
from billing.errors import NotFound, Unauthorized
from billing.models import ServiceKey

PREFIX = "bsk_"
SHOWN = len(PREFIX) + 6
USE_NOTED_EVERY = timedelta(minutes=1)


class Scope(StrEnum):
    """What a key may be used for."""

    USERS = "users"
    ACCESS = "access"
    USAGE = "usage"
    CHANGES = "changes"


class KeyInvalid(Unauthorized):
    """The service key is unknown or was revoked: a caller cannot tell which."""

    code = "service_key_invalid"


@dataclass(frozen=True, slots=True)
class Service:
    """A backend of the product, known by its key."""

    key_id: UUID
    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What an operator may see of a key."""

    id: UUID
    name: str
    shown: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def create(name: str, scopes: Iterable[Scope]) -> tuple[UUID, str]:
    """Make a key; return its id and the key itself, which cannot be shown again."""
    key = PREFIX + secrets.token_urlsafe(32)
    with transaction() as session:
        made = ServiceKey(
            name=name,
            shown=key[:SHOWN],
            key_hash=_hashed(key),
            scopes=sorted({scope.value for scope in scopes}),
        )
        session.add(made)
        session.flush()  # the id is made with the row
        return made.id, key


def every() -> list[KeyFacts]:
    """Read all keys, the newest first, revoked ones too."""
    with reading() as session:
        rows = session.scalars(
            sa.select(ServiceKey).order_by(ServiceKey.created_at.desc(), ServiceKey.id)
        ).all()
        return [
            KeyFacts(
                row.id,
                row.name,
                row.shown,
                tuple(row.scopes),
                row.created_at,
                row.last_used_at,
                row.revoked_at,
            )
            for row in rows
        ]


def revoke(key_id: UUID) -> None:
    """End a key, from the next request on. Safe to repeat. Raises NotFound."""
    with transaction() as session:
        found = session.scalar(
            sa.update(ServiceKey)
            .where(ServiceKey.id == key_id)
            .values(revoked_at=sa.func.coalesce(ServiceKey.revoked_at, clock.utc_now()))
            .returning(ServiceKey.id)
        )
    if found is None:
        raise NotFound("There is no such key.")


def is_service_key(token: str) -> bool:
    """Tell a service key from a user's token."""
    return token.startswith(PREFIX)


def read(key: str) -> Service:
    """Find the backend whose key it is. Raises KeyInvalid."""
    with reading() as session:
        row = session.execute(
            sa.select(
                ServiceKey.id, ServiceKey.name, ServiceKey.scopes, ServiceKey.last_used_at
            ).where(ServiceKey.key_hash == _hashed(key), ServiceKey.revoked_at.is_(None))
        ).first()
    if row is None:
        raise KeyInvalid("The service key is unknown or was revoked.")
    _note_use(row.id, row.last_used_at)
    return Service(row.id, row.name, frozenset(Scope(scope) for scope in row.scopes))


def _note_use(key_id: UUID, last_used_at: datetime | None) -> None:
    """Write when the key was used, about once a minute."""
    now = clock.utc_now()
    if last_used_at is not None and now - last_used_at < USE_NOTED_EVERY:
        return
    with transaction() as session:
        session.execute(
            sa.update(ServiceKey).where(ServiceKey.id == key_id).values(last_used_at=now)
        )


def _hashed(key: str) -> str:
    """Hash without salt or stretching: a key is random, 256 bits of it."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
