"""What does Stripe send? Event envelopes around an object."""

import itertools
import time
from collections.abc import Mapping
from typing import Any

from billing.stripe_api.events import API_VERSION

_numbers = itertools.count(1)


def stripe_event(
    event_type: str,
    subject: Mapping[str, Any],
    *,
    previous: Mapping[str, Any] | None = None,
    **top: Any,
) -> dict[str, Any]:
    """Wrap Stripe's object in a snapshot event; `top` replaces what stands at its top level."""
    changed = {} if previous is None else {"previous_attributes": dict(previous)}
    return {
        "id": f"evt_test_{next(_numbers):06}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "data": {"object": dict(subject), **changed},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
        **top,
    }
