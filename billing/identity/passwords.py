"""Is a password good enough, and is it the right one? Each hash costs tens of milliseconds.

Never call `hashed` or `is_right` inside a database transaction: it would hold its locks meanwhile.
"""

import base64
import secrets
from math import prod

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

from billing.errors import Invalid

MIN_LENGTH = 10
MAX_LENGTH = 256
SCORED_LENGTH = 48
"""Scoring takes time that grows faster than the length; what is longer is scored by its start."""
READINGS = 8
"""Scoring tries every way to read symbols as letters (`$` as s); more ways than these cost
seconds."""
LEAST_SCORE = 3
"""Of 0 to 4. Below 3 a password is among the first 10^8 that an attacker tries."""

TELLING_NAME = 3
"""Shorter names are in many good passwords by chance."""

AS_LETTERS = str.maketrans(
    {symbol: letter for letter, symbols in L33T_TABLE.items() for symbol in symbols}
)

hasher = PasswordHasher()


class WeakPassword(Invalid):
    """The password would be guessed; `reasons` says why."""

    code = "weak_password"


def refuse_weak(password: str, email: str) -> None:
    """Raise WeakPassword with every reason; pass a password that is hard to guess."""
    if reasons := weaknesses(password, email):
        raise WeakPassword("Choose a password that is harder to guess.", reasons=reasons)


def weaknesses(password: str, email: str) -> list[str]:
    """Name what makes the password easy to guess; nothing for a good one."""
    local_part = email.rpartition("@")[0]
    found = []
    if len(password) < MIN_LENGTH:
        found.append(f"Shorter than {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        found.append(f"Longer than {MAX_LENGTH} characters.")
    if len(local_part) >= TELLING_NAME and local_part in password.casefold():
        found.append("Contains the name in the e-mail address.")
    scored = scored_part(password)
    if scored and zxcvbn(scored)["score"] < LEAST_SCORE:
        found.append("Made of well-known passwords, words or patterns.")
    return found


def scored_part(password: str) -> str:
    """Return what is scored: bounded work, and never an easier judgement than the whole.

    Where symbols can be read as letters in too many ways, they are scored as the letters.
    """
    start = password[:SCORED_LENGTH]
    ways = prod(
        max(1, sum(symbol in start for symbol in symbols)) for symbols in L33T_TABLE.values()
    )
    return start if ways <= READINGS else start.translate(AS_LETTERS)


def hashed(password: str) -> str:
    """Hash with a fresh salt and the parameters of today."""
    return hasher.hash(_bytes(password))


def is_right(password: str, kept: str | None) -> bool:
    """Compare with the kept hash. With none kept the work is the same and the answer is no."""
    try:
        return hasher.verify(kept or DECOY, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Tell whether the hash was made with other parameters than those of today."""
    return hasher.check_needs_rehash(kept)


def _bytes(password: str) -> bytes:
    # JSON can carry half of a surrogate pair, which UTF-8 proper cannot.
    return password.encode("utf-8", "surrogatepass")


def _decoy() -> str:
    """Write a hash that no password has, with the parameters of today."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19${cost}${salt}${digest}"


DECOY = _decoy()
