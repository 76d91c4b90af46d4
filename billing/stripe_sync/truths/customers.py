"""What is true of a customer now? Subscriptions always; the rest when an event asked for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from billing.catalog.mapping import PriceMap
from billing.database import db, reading
from billing.database.built import send, table
from billing.errors import StripeUnavailable
from billing.models import (
    Cause,
    CheckoutState,
    InvoiceAction,
    OpenCheckout,
    Status,
    StripeCustomer,
    StripeTestClock,
    UserSubscription,
)
from billing.models.subscriptions import TERMINAL
from billing.settings import settings
from billing.stripe_api.connection import SLACK, Seen, dated
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import (
    CheckoutSnapshot,
    CustomerSnapshot,
    InvoiceSnapshot,
    ProductSnapshot,
    SubscriptionSnapshot,
)
from billing.stripe_sync import counters
from billing.stripe_sync.grace import late_since
from billing.stripe_sync.healing import doubles
from billing.stripe_sync.projection import planned_price_ids
from billing.stripe_sync.store import Writer
from billing.stripe_sync.subjects import Part, Subject
from billing.stripe_sync.truths import checkouts, entitlements, invoices, links

SUBSCRIPTIONS = table(UserSubscription)
UNCONFIRMED = sa.select(SUBSCRIPTIONS.c.id).where(
    SUBSCRIPTIONS.c.stripe_subscription_id.in_(sa.bindparam("gone", expanding=True)),
    SUBSCRIPTIONS.c.confirmed.is_(False),
)
LIVE = (
    sa.select(SUBSCRIPTIONS.c.stripe_subscription_id)
    .where(
        SUBSCRIPTIONS.c.stripe_customer_id == sa.bindparam("customer"),
        SUBSCRIPTIONS.c.status.not_in(TERMINAL),
    )
    .order_by(SUBSCRIPTIONS.c.stripe_subscription_id)
)


class StaleRead(StripeUnavailable):
    """Stripe's list does not show yet what its event already told."""


@dataclass(frozen=True, slots=True)
class CustomerTruth:
    """What Stripe holds of one customer. `details`: None where not asked for; `invoices`: some."""

    id: str
    seen: Seen
    subscriptions: list[SubscriptionSnapshot]
    products: dict[str, ProductSnapshot] = field(default_factory=dict)
    details: CustomerSnapshot | None = None
    invoices: list[InvoiceSnapshot] = field(default_factory=list)
    actions: dict[str, InvoiceAction] = field(default_factory=dict)
    processing: frozenset[str] = frozenset()
    checkouts: list[CheckoutSnapshot] = field(default_factory=list)
    entitlements: list[str] | None = None
    gone: list[str] = field(default_factory=list)

    def store(self, generation: int, cause: Cause) -> bool:
        """Write what may be written; say whether nothing newer is left unconfirmed."""
        if self.details is None or not self.details.deleted:
            self._refuse_if_stale()
        if self.details is not None:
            _store_details(self.details)
        for checkout in self.checkouts:
            checkouts.follow_checkout(checkout)
        user_id = links.link(self.id, self._claims(), cause)
        self._follow_test_clock()
        prices = PriceMap.load(
            [item.price for snapshot in self.subscriptions for item in snapshot.items],
            [one for snapshot in self.subscriptions for one in planned_price_ids(snapshot)],
        ).with_products(self.products)
        writer = Writer(self.id, user_id, prices, cause)
        for snapshot in self.subscriptions:
            writer.confirm(snapshot, generation, self.seen, self._late_since(snapshot))
        for subscription_id in self.gone:
            writer.close(subscription_id, generation, self.seen)
        doubles.report(self.id)
        for invoice in self.invoices:
            invoices.save(self.id, invoice, self.actions.get(invoice.id or ""))
        if self.entitlements is not None:
            entitlements.replace(self.id, self.entitlements)
        return not writer.is_overtaken(generation)

    def _claims(self) -> list[str]:
        """Users that the metadata written with our key names, the customer's own word first."""
        told = [self.details.claimed_user_id if self.details else None]
        told += [snapshot.claimed_user_id for snapshot in self.subscriptions]
        return list(dict.fromkeys(claim for claim in told if claim))

    def _late_since(self, snapshot: SubscriptionSnapshot) -> Callable[[datetime], datetime]:
        invoices = [one for one in self.invoices if one.subscription_id == snapshot.id]
        return lambda first_seen_at: late_since(invoices, self.processing, first_seen_at)

    def _refuse_if_stale(self) -> None:
        """What an event has shown cannot be gone a moment later: then the answer is old."""
        if self.gone and send(UNCONFIRMED, gone=self.gone).first() is not None:
            raise StaleRead("Stripe's answer lags behind its events.")

    def _follow_test_clock(self) -> None:
        clocks = {snapshot.test_clock_id for snapshot in self.subscriptions}
        clocks.add(self.details.test_clock_id if self.details else None)
        clock_id = next((one for one in clocks if one), None)
        if clock_id is None or settings().livemode:
            return
        db.session.execute(
            sa.update(StripeCustomer)
            .where(StripeCustomer.id == self.id)
            .values(test_clock_id=clock_id)
        )
        if db.session.get(StripeTestClock, clock_id) is None:
            counters.ask(Subject.test_clock(clock_id))


def fetch(gateway: StripeGateway, customer_id: str, parts: frozenset[Part]) -> CustomerTruth:
    """Read the customer's truth: one call where nothing else was asked for and all is paid."""
    with dated() as dates:
        details = gateway.customer(customer_id) if Part.DETAILS in parts else None
        try:
            subscriptions, listed = gateway.subscriptions_of(customer_id)
        except StripeMissing:
            details = details or gateway.customer(customer_id)
            if not details.deleted:
                raise
            subscriptions, listed = [], Seen(since=min(dates), until=0)
        unlisted, gone = _ask_for_unlisted(gateway, customer_id, subscriptions)
    subscriptions += unlisted
    # What was asked for by name, and items beyond the list's, are younger than the list.
    seen = Seen(since=listed.since, until=max(dates) + SLACK)
    found = invoices.fetch(gateway, customer_id, subscriptions, asked=Part.INVOICES in parts)
    states = invoices.payment_states(gateway, found)
    ended = {one.id for one in subscriptions if Status.read(one.status).is_terminal}
    return CustomerTruth(
        id=customer_id,
        seen=seen,
        subscriptions=subscriptions,
        products=_unknown_products(gateway, subscriptions),
        details=details,
        invoices=found,
        actions=invoices.actions(found, states, ended),
        processing=invoices.in_processing(states),
        checkouts=_checkouts(gateway, customer_id) if Part.CHECKOUTS in parts else [],
        entitlements=(gateway.entitlements_of(customer_id) if Part.ENTITLEMENTS in parts else None),
        gone=gone,
    )


def _ask_for_unlisted(
    gateway: StripeGateway, customer_id: str, listed: list[SubscriptionSnapshot]
) -> tuple[list[SubscriptionSnapshot], list[str]]:
    """Ask by name for what lives here and was not listed: absence from a list proves nothing."""
    with reading():
        live = send(LIVE, customer=customer_id).scalars().all()
    listed_ids = {one.id for one in listed}
    found, gone = [], []
    for subscription_id in live:
        if subscription_id in listed_ids:
            continue
        try:
            found.append(gateway.subscription(subscription_id))
        except StripeMissing:
            gone.append(subscription_id)
    return found, gone


def _unknown_products(
    gateway: StripeGateway, subscriptions: list[SubscriptionSnapshot]
) -> dict[str, ProductSnapshot]:
    """The products that must be asked which plan a price buys; mostly none."""
    prices = [item.price for snapshot in subscriptions for item in snapshot.items]
    with reading():
        known = PriceMap.load(prices)
    wanted = {price.product_id for price in prices if known.needs_product(price)}
    found = {}
    for product_id in sorted(one for one in wanted if one):
        try:
            found[product_id] = gateway.product(product_id)
        except StripeMissing:
            continue
    return found


def _checkouts(gateway: StripeGateway, customer_id: str) -> list[CheckoutSnapshot]:
    with reading() as session:
        open_ids = session.scalars(
            sa.select(OpenCheckout.stripe_session_id)
            .where(
                OpenCheckout.stripe_customer_id == customer_id,
                OpenCheckout.state == CheckoutState.OPEN,
                OpenCheckout.stripe_session_id.is_not(None),
            )
            .order_by(OpenCheckout.created_at)
        ).all()
    return [gateway.checkout_session(one) for one in open_ids if one]


def _store_details(details: CustomerSnapshot) -> None:
    db.session.execute(
        sa.update(StripeCustomer)
        .where(StripeCustomer.id == details.id)
        .values(
            email=details.email,
            currency=details.currency,
            claimed_user_id=details.claimed_user_id,
            test_clock_id=details.test_clock_id,
            deleted=details.deleted,
        )
    )
