"""The steps of the refresh protocol, taken one by one, about one customer."""

import json
from typing import Any

import sqlalchemy as sa

from billing.database import moment, reading, transaction
from billing.models import (
    Cause,
    EventState,
    StripeCustomer,
    UserSubscription,
)
from billing.stripe_api.events import Event
from billing.stripe_api.gateway import Seen
from billing.stripe_api.snapshots import SubscriptionSnapshot
from billing.stripe_sync import counters, inbox, processing, refresh
from billing.stripe_sync.counters import Ticket
from billing.stripe_sync.subjects import Kind, Subject
from billing.stripe_sync.truths.customers import CustomerTruth
from tests.support.events import stripe_event
from tests.support.stripe_objects import a_stripe_subscription

CUSTOMER = Subject.customer("cus_1")
NOON = 1_795_400_000


def receive(
    event_id: str, of: dict[str, Any] | None = None, *, created: int = NOON, **values: Any
) -> Event:
    """Keep an event, as the webhook does in its first transaction."""
    told = of or a_stripe_subscription(**values)
    body = stripe_event("customer.subscription.updated", told, id=event_id, created=created)
    event = Event.parse(json.dumps(body))
    inbox.record(event, EventState.RECEIVED)
    return event


def note(
    event_id: str, of: dict[str, Any] | None = None, *, created: int = NOON, **values: Any
) -> None:
    """Keep an event and note it, as the webhook does in its first two transactions."""
    processing.note(receive(event_id, of, created=created, **values))


def acquire() -> Ticket:
    ticket = counters.acquire(Kind.CUSTOMER, "cus_1")
    assert ticket is not None
    return ticket


def fetched(*subscriptions: dict[str, Any], date: int = NOON) -> CustomerTruth:
    """What a fetch showed whose answer carries this date."""
    snapshots = [SubscriptionSnapshot.from_stripe(one) for one in subscriptions]
    return CustomerTruth("cus_1", Seen(since=date, until=date + 2), snapshots)


def write(ticket: Ticket, truth: CustomerTruth) -> None:
    refresh.write(ticket, truth, Cause.REFRESH)


def shown(subscription_id: str = "sub_A") -> tuple[str, int | None, bool]:
    """What a caller sees now: status, quantity, confirmed."""
    with reading() as session:
        row = session.execute(
            sa.select(
                UserSubscription.status, UserSubscription.quantity, UserSubscription.confirmed
            ).where(UserSubscription.stripe_subscription_id == subscription_id)
        ).one()
    return row.status, row.quantity, row.confirmed


def state_of(event_id: str) -> EventState | None:
    with reading():
        return inbox.state_of(event_id)


def counters_of_customer() -> Any:
    with reading() as session:
        return session.execute(
            sa.select(
                StripeCustomer.requested,
                StripeCustomer.synced,
                StripeCustomer.fence,
                StripeCustomer.attempts,
                StripeCustomer.due_at,
                StripeCustomer.lease_until,
            )
        ).one()


def make_due() -> None:
    """Let the pauses and leases run out by the database's clock."""
    with transaction() as session:
        session.execute(
            sa.update(StripeCustomer).values(
                due_at=sa.case((StripeCustomer.due_at.is_not(None), moment(-1))),
                lease_until=sa.case((StripeCustomer.lease_until.is_not(None), moment(-1))),
            )
        )


def seats(number: int) -> dict[str, Any]:
    """A version of subscription A that can be told apart from the others."""
    subscription = a_stripe_subscription()
    subscription["items"]["data"][0]["quantity"] = number
    return subscription
