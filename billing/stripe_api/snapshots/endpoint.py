"""Webhook endpoints."""

from dataclasses import dataclass, field
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, own_id, text_of, word_of


@dataclass(frozen=True, slots=True)
class EndpointSnapshot:
    """Where Stripe posts which events; the secret is told only when the endpoint is made."""

    id: str
    url: str
    status: str | None
    api_version: str | None
    events: frozenset[str]
    secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        told = data.get("enabled_events")
        return cls(
            id=own_id(data),
            url=text_of(data.get("url")) or "",
            status=word_of(data.get("status")),
            api_version=word_of(data.get("api_version")),
            events=frozenset(word for one in told if (word := word_of(one)))
            if isinstance(told, list)
            else frozenset(),
            secret=word_of(data.get("secret")),
        )

    def lacks(self, wanted: set[str]) -> set[str]:
        """Name the event types that it will not be told of. `*` leaves out only special types."""
        return set() if "*" in self.events else wanted - self.events
