"""Does the order in which events come matter? Every order of what belongs together, with repeats.

Each order is told to the same state, over the emulator's own answers. The first events of an order
are only noted, the others confirmed at once; where the one turns into the other differs from order
to order, and so does whether all events are of one second.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, permutations
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.database import dialect_name, reading, transaction
from billing.emulator import Emulator
from billing.models import CheckoutState, EventState, Invoice, OpenCheckout, StripeEvent
from billing.models import UserSubscription as Subscription
from billing.sales import checkout
from billing.settings import settings
from billing.stripe_api.events import Event
from billing.stripe_sync import counters, inbox, processing, sweep
from billing.stripe_sync.subjects import Part, Subject
from tests.support import databases, tables
from tests.support.factories import a_plan, a_price, a_user
from tests.support.merchant import Merchant
from tests.support.projections import Projection, held, wanted
from tests.support.replay import Replay, replayed

CHANGED = "customer.subscription.updated"

Story = Callable[[Merchant, UUID], Iterator[None]]


def purchase(merchant: Merchant, user_id: UUID) -> Iterator[None]:
    yield
    merchant.pay_page(checkout.open_checkout(user_id, "pro").url)
    merchant.update(merchant.last_subscription(), metadata={"seen": "yes"})


def end(merchant: Merchant, user_id: UUID) -> Iterator[None]:
    subscription = has_pro(merchant, user_id)
    yield
    merchant.update(subscription, cancel_at_period_end=True)
    merchant.update(subscription, cancel_at_period_end=False)
    merchant.cancel(subscription)
    merchant.rename(subscription, "gone@example.com")


def change_of_plan(merchant: Merchant, user_id: UUID) -> Iterator[None]:
    subscription = has_pro(merchant, user_id)
    yield
    merchant.move(subscription, quantity=3)
    merchant.move(subscription, "enterprise", quantity=3)
    merchant.update(subscription, metadata={"seen": "yes"})


def debt(merchant: Merchant, user_id: UUID) -> Iterator[None]:
    subscription = has_pro(merchant, user_id)
    merchant.use_card(subscription, "pm_card_chargeCustomerFail")
    yield
    merchant.move(subscription, quantity=5)
    merchant.rename(subscription, "poor@example.com")


def recovery(merchant: Merchant, user_id: UUID) -> Iterator[None]:
    subscription = has_pro(merchant, user_id)
    merchant.use_card(subscription, "pm_card_chargeCustomerFail")
    yield
    merchant.move(subscription, quantity=5)
    merchant.use_card(subscription, "pm_card_visa")
    merchant.collect(subscription)


def has_pro(merchant: Merchant, user_id: UUID) -> str:
    return merchant.subscribe(merchant.customer(metadata={"user_id": str(user_id)}))


STORIES: list[tuple[Story, int, set[str]]] = [
    (
        purchase,
        6,
        {
            "customer.created",
            "customer.subscription.created",
            "checkout.session.completed",
            "invoice.finalized",
            "invoice.paid",
            CHANGED,
        },
    ),
    (end, 4, {CHANGED, "customer.subscription.deleted", "customer.updated"}),
    (change_of_plan, 5, {CHANGED, "invoice.paid"}),
    (debt, 4, {CHANGED, "invoice.payment_failed", "customer.updated"}),
    (recovery, 6, {CHANGED, "invoice.payment_failed", "invoice.paid"}),
]


@pytest.fixture
def merchant(app: Flask, emulator: Emulator) -> Merchant:
    merchant = Merchant(emulator)
    for plan, price_id in merchant.prices.items():
        a_price(a_plan(plan), stripe_price_id=price_id)
    return merchant


@pytest.mark.parametrize(
    "every",
    [pytest.param(None, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.long)],
    ids=["most", "all"],
)
@pytest.mark.parametrize(
    ("story", "size", "types"), [pytest.param(*one, id=one[0].__name__) for one in STORIES]
)
def test_every_order_of_events_ends_in_one_truth_and_shows_nothing_old_on_the_way(
    merchant: Merchant, story: Story, size: int, types: set[str], every: int | None
) -> None:
    databases.hurry()
    user_id = a_user().id
    events = told(merchant, story, user_id, types)
    truth = expected(merchant, user_id)
    versions = [wanted(event["data"]["object"]) for event in events if is_version(event)]
    before = tables.remember()

    assert len(events) == size
    with replayed(settings().stripe_api_base) as replay:
        for number, order in orders(events, every or usual(size)):
            tables.restore(before)
            run = Run(replay, versions, number % (size + 1))
            run.tell(order)
            assert outcome() == truth, f"order {number}"


class Run:
    """One order of the events, told to an inbox that knows none of them."""

    def __init__(self, replay: Replay, versions: list[Projection], noted_only: int) -> None:
        self._asked = replay.asked
        self._noted_only = noted_only
        self._versions = [*held().values(), *versions]
        self._oldest = 0
        self._asked.clear()

    def tell(self, events: Sequence[Event]) -> None:
        """Deliver them, every other one twice; then all of them once more; then sweep."""
        for number, event in enumerate(events):
            for _ in range(1 + number % 2):
                self._deliver(event, process_now=number >= self._noted_only)
        for event in events:
            self._deliver(event, process_now=True)
        assert sweep.sweep(untouched_seconds=0) == 0
        assert self._asked.count("/v1/subscriptions") <= max(1, len(events) - self._noted_only)

    def _deliver(self, event: Event, *, process_now: bool) -> None:
        """Do as the webhook does, or as it does while another holds the lease."""
        state = inbox.record(event, EventState.RECEIVED)
        if state in {EventState.RECEIVED, EventState.QUEUED}:
            (processing.process if process_now else processing.note)(event)
            self._look()

    def _look(self) -> None:
        """See what a caller sees: never a version older than one that was seen."""
        for shown in held().values():
            numbers = [n for n, one in enumerate(self._versions) if alike(shown, one)]
            newer = [number for number in numbers if number >= self._oldest]
            assert newer, f"back from version {self._oldest} to {numbers}"
            self._oldest = newer[0]


def told(merchant: Merchant, story: Story, user_id: UUID, types: set[str]) -> list[dict[str, Any]]:
    """Let the story happen; return the events after its beginning, which is known here."""
    telling = story(merchant, user_id)
    next(telling)
    merchant.news()
    for customer in merchant.customers():
        with transaction():
            counters.ask(Subject.customer(customer, Part.DETAILS, Part.INVOICES))
    sweep.sweep()
    for _ in telling:
        pass
    return [event for event in merchant.news() if event["type"] in types]


def usual(size: int) -> int:
    """Every order of up to five events, every third of six; on PostgreSQL a share of those."""
    return (3 if size > 5 else 1) * (1 if dialect_name() == "sqlite" else 11)


def orders(events: list[dict[str, Any]], every: int) -> Iterator[tuple[int, list[Event]]]:
    """Every n-th order; in each second one all events are of one second."""
    for number, order in islice(enumerate(permutations(events)), 0, None, every):
        is_tied = number // (len(events) + 1) % 2
        same = {"created": events[0]["created"]} if is_tied else {}
        yield number, [Event.parse(json.dumps(event | same)) for event in order]


def is_version(event: dict[str, Any]) -> bool:
    return str(event["type"]).startswith("customer.subscription.")


def alike(shown: Projection, version: Projection) -> bool:
    """Compare all that a payload can tell; since when is owed is known from invoices only."""
    return shown | {"past_due_since": None} == version | {"past_due_since": None}


def outcome() -> dict[str, Any]:
    """Everything that the events were about."""
    with reading() as session:
        invoices = session.execute(sa.select(Invoice.stripe_invoice_id, Invoice.status)).all()
        return {
            "subscriptions": held(),
            "confirmed": session.scalars(sa.select(Subscription.confirmed)).all(),
            "users": session.scalars(sa.select(Subscription.user_id)).all(),
            "invoices": {row.stripe_invoice_id: row.status for row in invoices},
            "open checkouts": session.scalars(
                sa.select(OpenCheckout.id).where(OpenCheckout.state != CheckoutState.COMPLETE)
            ).all(),
            "events": set(session.scalars(sa.select(StripeEvent.state))),
        }


def expected(merchant: Merchant, user_id: UUID) -> dict[str, Any]:
    """The same, as Stripe holds it."""
    (customer,) = merchant.customers()
    return {
        "subscriptions": {
            one["id"]: wanted(one, merchant.owed_since(customer))
            for one in merchant.subscriptions_of(customer)
        },
        "confirmed": [True],
        "users": [user_id],
        "invoices": merchant.invoices_of(customer),
        "open checkouts": [],
        "events": {EventState.DONE},
    }
