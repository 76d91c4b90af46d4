"""Customers, and the test clocks some of them live on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import (
    Json,
    id_of,
    metadata_of,
    moment_of,
    own_id,
    text_of,
    word_of,
)


@dataclass(frozen=True, slots=True)
class CustomerSnapshot:
    """A customer; `claimed_user_id` is the `metadata.user_id` written with our key."""

    id: str
    email: str | None
    currency: str | None
    claimed_user_id: str | None
    test_clock_id: str | None
    deleted: bool

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(
            id=own_id(data),
            email=text_of(data.get("email")),
            currency=word_of(data.get("currency")),
            claimed_user_id=metadata_of(data, "user_id"),
            test_clock_id=id_of(data.get("test_clock")),
            deleted=data.get("deleted") is True,
        )


@dataclass(frozen=True, slots=True)
class ClockSnapshot:
    """A test clock and the moment it stands at."""

    id: str
    frozen_at: datetime | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(id=own_id(data), frozen_at=moment_of(data.get("frozen_time")))
