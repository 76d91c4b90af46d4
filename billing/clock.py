"""What time is it? The only clock of the service: aware, UTC."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


def from_unix(seconds: int) -> datetime:
    """Read a moment as Stripe writes it: whole seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def to_unix(moment: datetime) -> int:
    """Write a moment as Stripe reads it."""
    return int(moment.timestamp())
