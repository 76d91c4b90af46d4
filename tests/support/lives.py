"""What may happen between Stripe, the network and our processes? One step at a time.

A script is a list of steps; a step that has nothing to act on does nothing. After every step the
world looks at what a caller would see, and refuses anything older than what was seen before.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from billing.database import moment, reading, transaction
from billing.models import (
    Cause,
    Change,
    EventState,
    StripeCustomer,
    StripeEvent,
    StripeEventPayload,
    SubscriptionItem,
    UserSubscription,
)
from billing.stripe_api.events import Event
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import counters, inbox, processing, refresh, sweep
from billing.stripe_sync.counters import Ticket
from billing.stripe_sync.subjects import Kind, Subject
from billing.stripe_sync.truths import customers
from tests.support.projections import held, wanted
from tests.support.small_stripe import CUSTOMER, SmallStripe

IDS = ("sub_A", "sub_B", "sub_C")
PASSING = (0, 0, 1, 5)
STATUSES = ("active", "trialing", "paused", "active", "incomplete", "canceled")
WRITTEN = (
    Change,
    SubscriptionItem,
    UserSubscription,
    StripeEventPayload,
    StripeEvent,
    StripeCustomer,
)


@dataclass
class Worker:
    """A process that holds, or once held, the lease; and what it has read."""

    ticket: Ticket
    truth: customers.CustomerTruth | None = None


@dataclass
class World:
    """Stripe, the events on their way, the inbox as we know it, and the workers."""

    subscriptions: int = 3
    stripe: SmallStripe = field(default_factory=SmallStripe)
    undelivered: list[dict[str, Any]] = field(default_factory=list)
    delivered: list[Event] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    accepted: int = 0
    is_owed: bool = False  # an event was lost, or we gave up: only a new request heals that

    def __post_init__(self) -> None:
        with transaction() as session:
            for model in WRITTEN:
                session.execute(sa.delete(model))

    def do(self, step: str, a: int, b: int) -> None:
        """Take one step, then look."""
        STEPS[step](self, a, b)
        self.look()

    # What Stripe and the network do

    def change(self, a: int, b: int) -> None:
        """A subscription begins, changes or ends; one event or two tell of it."""
        self.stripe.now += PASSING[b % 4]
        told = self.stripe.change(IDS[a % self.subscriptions], STATUSES[b // 4 % 6])
        for _ in range(1 + (b % 7 == 6)):
            self.undelivered.append(
                self.stripe.event(told, late=b % 3 > 0, old_version=b % 11 == 10)
            )

    def receive(self, a: int, b: int) -> None:
        """An event is kept, and our process dies before it does more."""
        if self.undelivered:
            told = self.undelivered.pop(a % len(self.undelivered))
            self.delivered.append(self._keep(Event.parse(json.dumps(told))))

    def deliver(self, a: int, b: int) -> None:
        """An event is kept and noted."""
        self.receive(a, b)
        self.note(len(self.delivered) - 1, b)

    def note(self, a: int, b: int) -> None:
        """Any event that came is noted, again perhaps: by a repeat, a worker or the sweep."""
        if self.delivered:
            processing.note(self._keep(self.delivered[a % len(self.delivered)]))

    def lose(self, a: int, b: int) -> None:
        """An event never comes."""
        if self.undelivered:
            del self.undelivered[a % len(self.undelivered)]
            self.is_owed = True

    # What our processes do

    def acquire(self, a: int, b: int) -> None:
        """A worker takes the lease, if something is owed."""
        ticket = counters.acquire(Kind.CUSTOMER, CUSTOMER)
        if ticket:
            self.workers.append(Worker(ticket))

    def fetch(self, a: int, b: int) -> None:
        """A worker asks Stripe; between the pages something may change and be told."""
        waiting = [worker for worker in self.workers if worker.truth is None]
        if waiting:
            worker = waiting[a % len(waiting)]
            self.stripe.date_is_early = b % 2 == 1
            self.stripe.between_pages = lambda: b % 5 == 4 and self._change_and_tell(a, b)
            worker.truth = customers.fetch(gateway(), CUSTOMER, worker.ticket.parts)
            self.stripe.between_pages = lambda: None

    def write(self, a: int, b: int) -> None:
        """A worker stores what it has read, unless it was superseded."""
        ready = [worker for worker in self.workers if worker.truth]
        if not ready:
            return
        worker = ready[a % len(ready)]
        is_newest = self._counters().fence == worker.ticket.fence
        before = held()
        assert worker.truth is not None
        refresh.write(worker.ticket, worker.truth, Cause.REFRESH)
        self.workers.remove(worker)
        self.accepted += is_newest
        assert is_newest or held() == before, "a superseded worker wrote"
        self.look()
        self.check_what_is_done()

    def begin(self, a: int, b: int) -> None:
        """A worker takes the lease and asks at once, as all do that are not interrupted."""
        self.acquire(a, b)
        self.fetch(-1, b)

    def fail(self, a: int, b: int) -> None:
        """A worker's call to Stripe fails: for now, or for good."""
        if self.workers:
            worker = self.workers.pop(a % len(self.workers))
            for_good = b % 4 == 0
            refresh.fail(worker.ticket, "made up", passing=not for_good)
            self.is_owed |= for_good

    def crash(self, a: int, b: int) -> None:
        """A worker is gone, its lease is not."""
        if self.workers:
            del self.workers[a % len(self.workers)]

    def wait(self, a: int, b: int) -> None:
        """Leases and pauses run out by the database's clock; workers live on as zombies."""
        due, leased = StripeCustomer.due_at, StripeCustomer.lease_until
        with transaction() as session:
            session.execute(
                sa.update(StripeCustomer).values(
                    due_at=sa.case((due.is_not(None), moment(-1))),
                    lease_until=sa.case((leased.is_not(None), moment(-1))),
                )
            )

    def ask(self, a: int, b: int) -> None:
        """Somebody wants to be sure: reconcile, an operator, a return from the checkout."""
        with transaction():
            counters.ask(Subject.customer(CUSTOMER))

    def end(self) -> None:
        """Everything on its way arrives, the sweep comes by, and zombies wake up afterwards."""
        while self.undelivered:
            self.do("deliver", 0, 0)
        if self.is_owed:
            self.do("ask", 0, 0)
        self.wait(0, 0)
        for _ in range(3):
            sweep.sweep(untouched_seconds=0)
            self.look()
        for worker in list(self.workers):
            self.do("write" if worker.truth else "fail", 0, 1)

    # What must hold

    def look(self) -> None:
        """See what a caller sees: no subscription vanishes or goes back to an older version."""
        with reading() as session:
            rows = session.execute(
                sa.select(UserSubscription.stripe_subscription_id, UserSubscription.quantity)
            ).all()
        now = {row.stripe_subscription_id: row.quantity or 0 for row in rows}
        for subscription_id, version in self.seen.items():
            assert now.get(subscription_id, 0) >= version, f"{subscription_id} went back"
        self.seen = now

    def check_what_is_done(self) -> None:
        """An event is done when a fetch has confirmed what it told, or something newer."""
        with reading() as session:
            done = set(
                session.scalars(
                    sa.select(StripeEvent.stripe_event_id).where(
                        StripeEvent.state == EventState.DONE
                    )
                )
            )
            confirmed = set(session.scalars(sa.select(UserSubscription.confirmed)))
        assert done <= self.done or confirmed == {True}, "done, but not confirmed"
        for event in self.delivered:
            if event.id in done:
                told = event.object["items"]["data"][0]["quantity"]
                assert self.seen.get(event.object["id"], 0) >= told, f"{event.id} is not contained"
        self.done = done

    def check_end(self) -> None:
        """All is true, confirmed and closed, and it did not cost more fetches than requests."""
        truth = {one: wanted(versions[-1]) for one, versions in self.stripe.versions.items()}
        assert held() == truth
        with reading() as session:
            states = set(session.scalars(sa.select(StripeEvent.state)))
            unconfirmed = session.scalars(
                sa.select(UserSubscription.id).where(sa.not_(UserSubscription.confirmed))
            ).all()
        assert states <= {EventState.DONE}
        assert unconfirmed == []
        counted = self._counters()
        assert counted is None or self.accepted <= counted.requested

    def _keep(self, event: Event) -> Event:
        inbox.record(event, EventState.RECEIVED)
        return event

    def _change_and_tell(self, a: int, b: int) -> None:
        self.change(a + 1, b)
        self.deliver(-1, b)

    def _counters(self) -> Any:
        with reading() as session:
            return session.execute(
                sa.select(StripeCustomer.fence, StripeCustomer.requested)
            ).first()


STEPS: dict[str, Callable[[World, int, int], None]] = {
    "change": World.change,
    "receive": World.receive,
    "deliver": World.deliver,
    "note": World.note,
    "lose": World.lose,
    "acquire": World.acquire,
    "fetch": World.fetch,
    "write": World.write,
    "begin": World.begin,
    "fail": World.fail,
    "crash": World.crash,
    "wait": World.wait,
    "ask": World.ask,
}
