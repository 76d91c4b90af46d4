"""Idempotency keys of HTTP requests, each with its first answer, kept for a day."""

import time
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import sqlalchemy as sa

from billing.database import insert_or_nothing, moment, transaction
from billing.errors import Conflict, Invalid
from billing.models import IdempotencyKey
from billing.settings import settings

KEPT_SECONDS = 86_400
MAX_KEY = 255
PATIENCE = 3.0
PAUSE = 0.05

JSON_HEADERS = [["Content-Type", "application/json"]]
"""The headers of answers that were kept before headers were."""

MINE = IdempotencyKey.user_id, IdempotencyKey.key


class KeyReused(Conflict):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class InProgress(Conflict):
    """The request with this key is still worked on."""

    code = "in_progress"
    retry_after = 1


class AnswerNotKept(Conflict):
    """The request was done before, and its answer was streamed, binary or too large to keep."""

    code = "answer_not_kept"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request under a key; `claim` is the right to answer it, `fingerprint` what is asked."""

    user_id: UUID
    key: str
    fingerprint: str
    claim: UUID

    @classmethod
    def of(cls, user_id: UUID, key: str, fingerprint: str) -> "Attempt":
        """Begin one. Raises Invalid for a key that cannot be one."""
        if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
            raise Invalid(f"An Idempotency-Key is 1 to {MAX_KEY} printable characters.")
        return cls(user_id, key, fingerprint, uuid4())


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. `body` is None where it could not be kept."""

    status: int
    body: str | None
    headers: list[list[str]] = field(default_factory=list)


def begin(attempt: Attempt) -> Answer | None:
    """Take the right to answer, or return the answer that was given.

    A twin at work is awaited a moment. Raises KeyReused, InProgress.
    """
    gives_up = time.monotonic() + PATIENCE
    while True:
        held = _claim(attempt)
        if held is None:
            return None
        if held.fingerprint != attempt.fingerprint:
            raise KeyReused("This Idempotency-Key was used for another request.")
        if held.status is not None:
            headers = JSON_HEADERS if held.headers is None else held.headers
            return Answer(held.status, held.body, headers)
        if time.monotonic() > gives_up:
            raise InProgress("The request with this Idempotency-Key is still worked on.")
        time.sleep(PAUSE)


def keep(attempt: Attempt, answer: Answer) -> None:
    """Keep the answer for a day."""
    with transaction() as session:
        session.execute(
            sa.update(IdempotencyKey)
            .where(IdempotencyKey.claim == attempt.claim)
            .values(status=answer.status, body=answer.body, headers=answer.headers)
        )


def forget(attempt: Attempt) -> None:
    """Give the key back: nothing was done, the request may be made again."""
    with transaction() as session:
        session.execute(sa.delete(IdempotencyKey).where(IdempotencyKey.claim == attempt.claim))


def _claim(attempt: Attempt) -> IdempotencyKey | None:
    """Claim the key, also of who died with it; else return the row of who holds it."""
    mine = sa.and_(IdempotencyKey.user_id == attempt.user_id, IdempotencyKey.key == attempt.key)
    until = moment(settings().request_budget * 3)
    row = {
        "user_id": attempt.user_id,
        "key": attempt.key,
        "fingerprint": attempt.fingerprint,
        "claim": attempt.claim,
        "claimed_until": until,
        "expires_at": moment(KEPT_SECONDS),
    }
    with transaction() as session:
        session.execute(
            sa.delete(IdempotencyKey).where(
                IdempotencyKey.user_id == attempt.user_id, IdempotencyKey.expires_at <= moment()
            )
        )
        session.execute(insert_or_nothing(IdempotencyKey, row, key="user_id key"))
        session.execute(
            sa.update(IdempotencyKey)
            .where(
                mine,
                IdempotencyKey.status.is_(None),
                IdempotencyKey.claimed_until <= moment(),
                IdempotencyKey.fingerprint == attempt.fingerprint,
            )
            .values(claim=attempt.claim, claimed_until=until, expires_at=moment(KEPT_SECONDS))
        )
        held = session.scalars(sa.select(IdempotencyKey).where(mine)).one()
        session.expunge(held)
    return None if held.claim == attempt.claim else held
