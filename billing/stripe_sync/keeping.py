"""How is an event kept? Two rows, one transaction, statements built once: the hottest write."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from billing import clock
from billing.database import UtcDateTime, dialect_name, direct
from billing.database.built import table
from billing.database.sharing import share_commit
from billing.models import EventState, StripeEvent, StripeEventPayload
from billing.stripe_api.events import Event

EVENTS = table(StripeEvent)
BODIES = table(StripeEventPayload)

ID = EVENTS.c.stripe_event_id
NOW = sa.bindparam("now", type_=UtcDateTime())
TEXT = sa.bindparam("body", type_=sa.Text())
STAMPS = {"received_at": NOW, "created_at": NOW, "updated_at": NOW}
EVENT = {
    "stripe_event_id": sa.bindparam("stripe_event_id"),
    "type": sa.bindparam("type"),
    "api_version": sa.bindparam("api_version"),
    "stripe_created": sa.bindparam("stripe_created"),
    "state": sa.bindparam("state"),
    "error": sa.bindparam("error"),
    "generation": 0,
    "attempts": 0,
    **STAMPS,
}

KEEP_EVENT = (
    sqlite.insert(EVENTS).values(EVENT).on_conflict_do_nothing(index_elements=[ID]).returning(ID)
)
KEEP_BODY = sa.insert(BODIES).values(
    stripe_event_id=sa.bindparam("stripe_event_id"), body=TEXT, **STAMPS
)

KEPT = (
    postgresql.insert(EVENTS)
    .values(EVENT)
    .on_conflict_do_nothing(index_elements=[ID])
    .returning(ID)
    .cte("kept")
)
KEEP_BOTH = (
    sa.insert(BODIES)
    .from_select(
        ["stripe_event_id", "body", *STAMPS],
        sa.select(KEPT.c.stripe_event_id, TEXT, *STAMPS.values()),
        include_defaults=False,
    )
    .returning(BODIES.c.stripe_event_id)
)


def keep(event: Event, state: EventState, error: str | None) -> bool:
    """Write the event and its body, durably; say whether they were new. Both or none."""
    values = {
        "stripe_event_id": event.id,
        "type": event.type,
        "api_version": event.api_version,
        "stripe_created": event.created,
        "state": state,
        "error": error,
        "body": event.body,
        "now": clock.utc_now(),
    }
    if dialect_name() == "postgresql":  # one statement, so one round trip
        return direct.run_alone(KEEP_BOTH, values) is not None
    return share_commit(partial(_keep_rows, values))


def _keep_rows(values: Mapping[str, Any], run: direct.Run) -> bool:
    is_new = run(KEEP_EVENT, values) is not None
    if is_new:
        run(KEEP_BODY, values)
    return is_new
