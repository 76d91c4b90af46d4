"""May two requests change one subscription at once? They take turns."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa

from billing.database import transaction
from billing.errors import Conflict
from billing.models import Lease
from billing.settings import settings
from billing.stripe_sync.sweep import hold_lease

PATIENCE = 5.0
PAUSE = 0.05


class ChangeInProgress(Conflict):
    """Another request is changing the same thing."""

    code = "change_in_progress"
    retry_after = 1


@contextmanager
def turn_of(customer_id: str) -> Iterator[None]:
    """Wait for the turn, hold it, give it back. Raises ChangeInProgress.

    It outlives the budget of the request; where a process died in it, it runs out by itself.
    """
    name, holder = f"sales:{customer_id}", str(uuid4())
    gives_up = time.monotonic() + PATIENCE
    while not hold_lease(name, holder, settings().request_budget * 2):
        if time.monotonic() > gives_up:
            raise ChangeInProgress("Another change is being made; try again.")
        time.sleep(PAUSE)
    try:
        yield
    finally:
        with transaction() as session:
            session.execute(sa.delete(Lease).where(Lease.name == name, Lease.holder == holder))
