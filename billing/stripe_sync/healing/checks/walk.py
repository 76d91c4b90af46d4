"""What does a check get, and what does it tell?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from billing.stripe_api.gateway import StripeGateway
from billing.stripe_sync.healing.drift import Finding


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk over the account; it remembers which subscriptions Stripe has shown."""

    gateway: StripeGateway
    shown: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Checked:
    """One page compared: how many objects, what differs, and where the walk goes on."""

    count: int
    findings: list[Finding]
    cursor: str | None


Check = Callable[[Walk, str | None], Iterator[Checked]]
"""Compare page by page, from behind a cursor."""
