"""What time is it on a test clock? Test mode only: its customers live at that moment."""

from dataclasses import dataclass

import sqlalchemy as sa

from billing.database import db
from billing.models import Cause, StripeTestClock
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import ClockSnapshot
from billing.stripe_sync.subjects import Part


@dataclass(frozen=True, slots=True)
class ClockTruth:
    """A test clock as Stripe holds it now; None when it was deleted with its customers."""

    id: str
    clock: ClockSnapshot | None

    def store(self, generation: int, cause: Cause) -> bool:
        """Move the local copy; it cannot be ahead."""
        frozen_at = self.clock.frozen_at if self.clock else None
        db.session.execute(
            sa.update(StripeTestClock)
            .where(StripeTestClock.id == self.id)
            .values(frozen_at=frozen_at, deleted=self.clock is None)
        )
        return True


def fetch(gateway: StripeGateway, clock_id: str, parts: frozenset[Part]) -> ClockTruth:
    """Read the clock."""
    try:
        return ClockTruth(clock_id, gateway.test_clock(clock_id))
    except StripeMissing:
        return ClockTruth(clock_id, None)
