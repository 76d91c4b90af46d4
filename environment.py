"""How is one value of the environment read? Each complaint names the setting and how to mend it."""

import math
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from limits import parse_many

MIN_SECRET = 32
LONGEST_WINDOW = 366 * 86_400


class BadSetting(Exception):
    """A setting that is missing, weak or contradictory: its name, and how to mend it."""


def required(env: Mapping[str, str], name: str, how: str) -> str:
    """Read a text that must be there. Raises BadSetting."""
    value = env.get(name, "").strip()
    if not value:
        raise BadSetting(f"{name} is not set: {how}. See .env.example.")
    return value


def secret(env: Mapping[str, str], name: str) -> str:
    """Read a secret that is long and random enough. Raises BadSetting."""
    how = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
    value = required(env, name, how)
    if len(value) < MIN_SECRET or len(set(value)) < 10:
        raise BadSetting(f"{name} is weak (under {MIN_SECRET} random characters): {how}.")
    return value


def url(env: Mapping[str, str], name: str, default: str) -> str:
    """Read an http(s) address, without a slash at its end. Raises BadSetting."""
    return http_url(name, env.get(name, "").strip() or default)


def http_url(name: str, text: str) -> str:
    """Check an http(s) address; cut the slash at its end. Raises BadSetting."""
    parts = urlsplit(readable_url(name, text))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSetting(f"{name} must be an http(s) address, not {_without_password(text)!r}")
    return text.rstrip("/")


def redis_url(env: Mapping[str, str], name: str) -> str | None:
    """Read the address of a Redis, None where there is none. Raises BadSetting."""
    text = env.get(name, "").strip()
    if not text:
        return None
    if urlsplit(readable_url(name, text)).scheme not in {"redis", "rediss", "unix"}:
        raise BadSetting(f"{name} must begin with redis://, rediss:// or unix://")
    return text


def readable_url(name: str, text: str) -> str:
    """Check that host and port can be read; the complaint holds no password. Raises BadSetting."""
    try:
        urlsplit(text).port  # noqa: B018 - reading it is the check
    except ValueError:
        raise BadSetting(f"{name} is no address: its host or port cannot be read") from None
    return text


def _without_password(text: str) -> str:
    """Cut user and password out of an address, also out of one that cannot be read."""
    return re.sub(r"//.*@", "//", text)


def origin_of(url: str) -> str:
    """Reduce an address to scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


N = TypeVar("N", int, float)


def number(
    env: Mapping[str, str],
    name: str,
    default: N,
    kind: type[N],
    *,
    least: float = 0,
    most: float = math.inf,
) -> N:
    """Read a finite number from `least` to `most`. Raises BadSetting."""
    text = env.get(name, "").strip()
    try:
        value = kind(text) if text else default
    except ValueError:
        raise BadSetting(f"{name} must be a number, not {text!r}") from None
    if not math.isfinite(value):
        raise BadSetting(f"{name} must be a number, not {text!r}")
    if value < least:
        raise BadSetting(f"{name} must be at least {least:g}")
    if value > most:
        raise BadSetting(f"{name} must be at most {most:.0f}")
    return value


def flag(env: Mapping[str, str], name: str) -> bool:
    """Read true or false; false where nothing is said. Raises BadSetting."""
    text = env.get(name, "").strip().lower()
    if text not in {"", "0", "1", "false", "true", "no", "yes"}:
        raise BadSetting(f"{name} must be true or false, not {text!r}")
    return text in {"1", "true", "yes"}


def rate(env: Mapping[str, str], name: str, default: str) -> str:
    """Read one or several rates such as 120/minute. Raises BadSetting."""
    text = env.get(name, "").strip() or default
    try:
        limits = parse_many(text)
    except ValueError:
        raise BadSetting(f"{name} must be a rate like {default}, not {text!r}") from None
    if any(limit.get_expiry() > LONGEST_WINDOW for limit in limits):
        raise BadSetting(f"{name} must count within a year at most, not {text!r}")
    return text


def choice(env: Mapping[str, str], name: str, *choices: str) -> str:
    """Read one of a few words; the first is the default."""
    text = env.get(name, "").strip().lower() or choices[0]
    if text not in choices:
        raise BadSetting(f"{name} must be {' or '.join(choices)}, not {text!r}")
    return text


W = TypeVar("W", bound=StrEnum)


def word(env: Mapping[str, str], name: str, default: W) -> W:
    """Read one word of an enumeration. Raises BadSetting."""
    words = type(default)
    text = env.get(name, "").strip() or default.value
    try:
        return words(text)
    except ValueError:
        raise BadSetting(f"{name} must be {' or '.join(words)}, not {text!r}") from None
