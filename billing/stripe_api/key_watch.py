"""Does Stripe still take our key? Remembers refusals a while, and logs each kind of them once."""

import logging
from datetime import datetime, timedelta

from billing import clock
from billing.errors import BillingError
from billing.stripe_api.faults import StripeKeyRefused

REMEMBERED = timedelta(minutes=10)

log = logging.getLogger(__name__)


class KeyWatch:
    """What one process has seen of its key."""

    def __init__(self) -> None:
        self._told: set[tuple[str, ...]] = set()
        self._refused_at: datetime | None = None

    def noted(self, fault: BillingError) -> BillingError:
        """Remember the fault if it is a refusal of the key; return it as it is."""
        if isinstance(fault, StripeKeyRefused):
            self._refused_at = clock.utc_now()
            if fault.permissions not in self._told:
                self._told.add(fault.permissions)
                lacks = ",".join(fault.permissions) or "-"
                log.error('stripe_key=refused lacks=%s fix="flask billing doctor"', lacks)
        return fault

    @property
    def was_refused(self) -> bool:
        """Tell whether the key was refused lately."""
        refused_at = self._refused_at
        return refused_at is not None and clock.utc_now() - refused_at < REMEMBERED
