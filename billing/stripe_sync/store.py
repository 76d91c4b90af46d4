"""May this be written over that? The guarded writes; the only writer of subscriptions.

Every caller holds the lock of the customer's row, so what is read here cannot be overtaken.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing import clock
from billing.catalog.mapping import PriceMap
from billing.database.built import send
from billing.models import Cause, Status
from billing.stripe_api.gateway import Seen
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync import changes, guards
from billing.stripe_sync.guards import Guard
from billing.stripe_sync.projection import (
    FIELDS,
    HeldPlan,
    Pending,
    Projection,
    held_plan,
    pending_of,
    project,
)

log = logging.getLogger(__name__)

ASKED_BY_A_PERSON = {Cause.RECONCILE, Cause.OPERATOR}
"""Causes that may reopen a row which had ended: whoever damaged it, Stripe did not."""


class Writer:
    """Writes subscriptions of one customer, with every difference noted in `changes`."""

    def __init__(
        self,
        customer_id: str,
        user_id: UUID | None,
        prices: PriceMap,
        cause: Cause,
        event_id: str | None = None,
    ) -> None:
        self._customer_id = customer_id
        self._user_id = user_id
        self._prices = prices
        self._cause = cause
        self._event_id = event_id
        self._stored = _stored_of(customer_id)

    def confirm(
        self,
        snapshot: SubscriptionSnapshot,
        generation: int,
        seen: Seen,
        late_since: Callable[[datetime], datetime],
    ) -> bool:
        """Store what a fetch showed, unless a payload noted after its start is held.

        `late_since` computes when the payment became late, from when it was first seen to be owed.
        """
        pending = pending_of(snapshot, self._prices)
        past_due_since = late_since(self._first_seen_owing(snapshot, clock.from_unix(seen.since)))
        projection = project(snapshot, self._prices, past_due_since, pending)
        marks = {"confirmed": True, "prov_generation": 0, "floor": seen.until}
        facts = {
            "g": generation,
            "ends_now": Status.read(snapshot.status).is_terminal,
            "by_a_person": self._cause in ASKED_BY_A_PERSON,
        }
        seen_at = clock.from_unix(seen.since)
        return self._write(snapshot.id, projection, marks, Guard.CONFIRM, facts, seen_at)

    def preview(self, snapshot: SubscriptionSnapshot, generation: int, created: int) -> bool:
        """Show a payload at once, unconfirmed, if it is surely newer than all that was shown."""
        held = self._stored.get(snapshot.id)
        known = Pending(held.pending_plan_id, held.pending_change_at) if held else None
        owing_since = self._first_seen_owing(snapshot, clock.from_unix(created))
        pending = pending_of(snapshot, self._prices, known)
        projection = project(snapshot, self._prices, owing_since, pending)
        marks = {"confirmed": False, "prov_generation": generation, "floor": created}
        facts = {
            "told_at": created,
            "ends_now": Status.read(snapshot.status).is_terminal,
        }
        seen_at = clock.from_unix(created)
        return self._write(snapshot.id, projection, marks, Guard.PREVIEW, facts, seen_at)

    def _first_seen_owing(self, snapshot: SubscriptionSnapshot, seen_at: datetime) -> datetime:
        """Return the moment already stored while it owes; the first time, Stripe's own of now."""
        stored = self._stored.get(snapshot.id)
        return (stored.past_due_since if stored else None) or seen_at

    def close(self, subscription_id: str, generation: int, seen: Seen) -> None:
        """End a subscription that Stripe, asked by name, no longer knows."""
        stored = self._stored[subscription_id]
        ended_at = clock.from_unix(seen.since)
        columns = {name: getattr(stored, name) for name in FIELDS} | {
            "status": Status.CANCELED.value,
            "ended_at": ended_at,
            "expires_at": ended_at,
            "cancelled_at": stored.cancelled_at or ended_at,
            "past_due_since": None,
            "pending_plan_id": None,
            "pending_change_at": None,
        }
        marks = {"confirmed": True, "prov_generation": 0, "floor": seen.until}
        items = tuple(_items_of(stored.id))
        projection = Projection(columns, items, None)
        self._write(subscription_id, projection, marks, Guard.CLOSE, {"g": generation}, ended_at)

    def is_overtaken(self, generation: int) -> bool:
        """Tell whether a payload noted after the fetch began is still unconfirmed."""
        return send(guards.OVERTAKING, customer=self._customer_id, g=generation).first() is not None

    def _write(
        self,
        subscription_id: str,
        projection: Projection,
        marks: Mapping[str, Any],
        guard: Guard,
        facts: Mapping[str, Any],
        seen_at: datetime,
    ) -> bool:
        stored = self._stored.get(subscription_id)
        changed = _differences(stored, projection.columns)
        is_news = stored is None or bool(changed) or (marks["confirmed"] and not stored.confirmed)
        held = held_plan(projection, _held_of(stored))
        values = {
            **projection.columns,
            **marks,
            "stripe_subscription_id": subscription_id,
            "user_id": self._user_id,
            "held_plan_id": held.plan_id,
            "held_item_id": held.item_id,
            "held_price_id": held.price_id,
            "as_of": _as_of(stored, seen_at, is_news=is_news),
        }
        row = guards.writing(guard, tuple(values))
        written: UUID | None = send(row, now=clock.utc_now(), **facts, **values).scalar()
        if written is None:
            log.info("subscription=%s outcome=older_than_shown", subscription_id)
            return False
        if _replace_items(written, projection.items):
            changed.setdefault("items", (None, [_brief(item) for item in projection.items]))
        self._note_changes(subscription_id, changed)
        if stored is None:
            flag_disputed(subscription_id, self._cause)  # the dispute may have come first
        return True

    def _note_changes(self, subscription_id: str, changed: Mapping[str, tuple[Any, Any]]) -> None:
        rows = [
            {
                "stripe_id": subscription_id,
                "user_id": self._user_id,
                "field": name,
                "before": self._readable(before),
                "after": self._readable(after),
                "cause": self._cause,
                "stripe_event_id": self._event_id,
            }
            for name, (before, after) in changed.items()
        ]
        changes.note(rows)

    def _readable(self, value: Any) -> Any:
        if isinstance(value, UUID):
            names = {plan.id: plan.name for plan in self._prices.plans.values()}
            return names.get(value, str(value))
        return value.isoformat() if isinstance(value, datetime) else value


def flag_disputed(subscription_id: str, cause: Cause) -> None:
    """Bring the flag to what the charges say: true while the money of one is contested or lost."""
    row = send(guards.FLAG_DISPUTED, told_of=subscription_id, now=clock.utc_now()).first()
    if row is not None:
        change = {
            "stripe_id": subscription_id,
            "user_id": row.user_id,
            "field": "is_disputed",
            "before": not row.is_disputed,
            "after": row.is_disputed,
            "cause": cause,
            "stripe_event_id": None,
        }
        changes.note([change])


def _stored_of(customer_id: str) -> dict[str, sa.Row[Any]]:
    rows = send(guards.OF_CUSTOMER, customer=customer_id)
    return {row.stripe_subscription_id: row for row in rows}


def _held_of(stored: sa.Row[Any] | None) -> HeldPlan:
    if stored is None:
        return HeldPlan()
    return HeldPlan(stored.held_plan_id, stored.held_item_id, stored.held_price_id)


def _differences(
    stored: sa.Row[Any] | None, columns: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    if stored is None:
        return {name: (None, value) for name, value in columns.items() if value is not None}
    pairs = {name: (getattr(stored, name), value) for name, value in columns.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _as_of(stored: sa.Row[Any] | None, seen_at: datetime, *, is_news: bool) -> datetime:
    """Move forward with news only: a check that finds nothing new changes nothing shown."""
    if stored is None:
        return seen_at
    shown: datetime = stored.as_of
    return max(shown, seen_at) if is_news else shown


def _items_of(subscription_id: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in send(guards.ITEMS_OF, whole=subscription_id).mappings()]


def _replace_items(subscription_id: UUID, items: tuple[Mapping[str, Any], ...]) -> bool:
    if _items_of(subscription_id) == [dict(item) for item in items]:
        return False
    send(guards.NO_ITEMS, whole=subscription_id)
    for item in items:
        send(guards.AN_ITEM, **item, subscription_id=subscription_id)
    return True


def _brief(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"price": item["stripe_price_id"], "quantity": item["quantity"]}
