"""What differs on this page? Stripe's lists, held against our rows; the checks of a reconcile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.catalog.mapping import PriceMap
from billing.database import reading
from billing.models import (
    ActiveEntitlement,
    DriftKind,
    PlanPrice,
    StripeCustomer,
    User,
    UserSubscription,
)
from billing.models.subscriptions import TERMINAL
from billing.stripe_api import listings
from billing.stripe_api.connection import PAGE
from billing.stripe_api.faults import StripeMissing
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import CustomerSnapshot, PriceSnapshot, SubscriptionSnapshot
from billing.stripe_sync.healing import drift
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.projection import FIELDS, pending_of, planned_price_ids, project
from billing.stripe_sync.subjects import Part, Subject

LIVE = UserSubscription.status.not_in(TERMINAL)


@dataclass(frozen=True, slots=True)
class Checked:
    """One page compared: how many objects, what differs, and where the walk goes on."""

    count: int
    findings: list[Finding]
    cursor: str | None


class Checks:
    """The checks of one run; it remembers which subscriptions Stripe has shown."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def subscriptions(self, gateway: StripeGateway, after: str | None) -> Iterator[Checked]:
        """Every subscription at Stripe: is it here, and the same?"""
        new_with = {Part.ENTITLEMENTS} if gateway.has_features() else set()
        for page in listings.subscriptions(gateway, after):
            self._shown.update(snapshot.id for snapshot in page.objects)
            yield Checked(len(page.objects), _differing(page.objects, new_with), page.cursor)

    def gone(self, gateway: StripeGateway, after: str | None) -> Iterator[Checked]:
        """Every subscription that lives here and was not shown: does Stripe still know it?"""
        for rows in _pages_of_live(after):
            unseen = [row for row in rows if row.stripe_subscription_id not in self._shown]
            findings = [
                Finding(
                    DriftKind.MISSING_REMOTE,
                    row.stripe_subscription_id,
                    f"{row.status} here, unknown to Stripe",
                    Subject.customer(row.stripe_customer_id),
                )
                for row in unseen
                if not _is_known(gateway, row.stripe_subscription_id)
            ]
            yield Checked(len(unseen), findings, rows[-1].stripe_subscription_id)

    def customers(self, gateway: StripeGateway, after: str | None) -> Iterator[Checked]:
        """Every customer at Stripe: linked as our metadata says, and entitled to the same?"""
        entitles = gateway.has_features()
        for page in listings.customers(gateway, after):
            findings = _customer_findings(page.objects)
            if entitles:
                findings += _entitlement_findings(gateway, page.objects)
            yield Checked(len(page.objects), findings, page.cursor)

    def active_prices(self, gateway: StripeGateway, after: str | None) -> Iterator[Checked]:
        """Every price that is sold."""
        for page in listings.prices(gateway, after, active=True):
            yield Checked(len(page.objects), _price_findings(page.objects), page.cursor)

    def inactive_prices(self, gateway: StripeGateway, after: str | None) -> Iterator[Checked]:
        """Every price that is sold no more, and may still have holders."""
        for page in listings.prices(gateway, after, active=False):
            yield Checked(len(page.objects), _price_findings(page.objects), page.cursor)

    def local(self, gateway: StripeGateway, after: str | None) -> Iterator[Checked]:
        """What our own rows say that only a person can mend."""
        with reading() as session:
            live = sa.select(
                UserSubscription.stripe_customer_id, sa.func.count().label("count")
            ).where(LIVE)
            doubles = session.execute(
                live.group_by(UserSubscription.stripe_customer_id)
                .having(sa.func.count() > 1)
                .order_by(UserSubscription.stripe_customer_id)
            ).all()
            unlinked = session.execute(
                live.where(UserSubscription.user_id.is_(None))
                .group_by(UserSubscription.stripe_customer_id)
                .order_by(UserSubscription.stripe_customer_id)
            ).all()
            unmapped = session.execute(
                sa.select(UserSubscription.stripe_price_id, sa.func.count().label("count"))
                .where(LIVE, UserSubscription.plan_id.is_(None))
                .group_by(UserSubscription.stripe_price_id)
                .order_by(UserSubscription.stripe_price_id)
            ).all()
        findings = [
            *(
                Finding(DriftKind.TWO_LIVE_SUBSCRIPTIONS, row[0], f"{row.count} live at once")
                for row in doubles
            ),
            *(Finding(DriftKind.UNLINKED, row[0], "live, and of no user") for row in unlinked),
            *(
                Finding(DriftKind.UNMAPPED_PRICE, row[0] or "?", f"held {row.count} times")
                for row in unmapped
            ),
        ]
        yield Checked(0, findings, None)


def _differing(snapshots: list[SubscriptionSnapshot], new_with: set[Part]) -> list[Finding]:
    with reading() as session:
        columns = [getattr(UserSubscription, name) for name in FIELDS]
        rows = session.execute(
            sa.select(UserSubscription.stripe_subscription_id, *columns).where(
                UserSubscription.stripe_subscription_id.in_([one.id for one in snapshots])
            )
        )
        stored = {row.stripe_subscription_id: row for row in rows}
        prices = PriceMap.load(
            [item.price for one in snapshots for item in one.items],
            [price_id for one in snapshots for price_id in planned_price_ids(one)],
        )
    return [
        finding
        for one in snapshots
        for finding in drift.compare(
            one.id,
            stored.get(one.id),
            project(one, prices, None, pending_of(one, prices)),
            new_with=new_with,
        )
    ]


def _pages_of_live(after: str | None) -> Iterator[list[sa.Row[Any]]]:
    while True:
        with reading() as session:
            rows: list[sa.Row[Any]] = list(
                session.execute(
                    sa.select(
                        UserSubscription.stripe_subscription_id,
                        UserSubscription.stripe_customer_id,
                        UserSubscription.status,
                    )
                    .where(LIVE, UserSubscription.stripe_subscription_id > (after or ""))
                    .order_by(UserSubscription.stripe_subscription_id)
                    .limit(PAGE)
                )
            )
        if not rows:
            return
        yield rows
        after = rows[-1].stripe_subscription_id


def _is_known(gateway: StripeGateway, subscription_id: str) -> bool:
    try:
        gateway.subscription(subscription_id)
    except StripeMissing:
        return False
    return True


def _customer_findings(customers: list[CustomerSnapshot]) -> list[Finding]:
    """Links that our metadata asks for and we do not have; conflicts; details that differ."""
    ids = [one.id for one in customers]
    with reading() as session:
        rows = {
            row.id: row
            for row in session.execute(
                sa.select(
                    StripeCustomer.id,
                    StripeCustomer.email,
                    StripeCustomer.currency,
                    StripeCustomer.claimed_user_id,
                ).where(StripeCustomer.id.in_(ids))
            )
        }
        links = {
            row.stripe_customer_id: row.id
            for row in session.execute(
                sa.select(User.id, User.stripe_customer_id).where(User.stripe_customer_id.in_(ids))
            )
        }
        claimed = _users_named({one.claimed_user_id for one in customers})
        taken = {
            row.id: row.stripe_customer_id
            for row in session.execute(
                sa.select(User.id, User.stripe_customer_id).where(User.id.in_(claimed.values()))
            )
        }
    findings = []
    for one in customers:
        subject = Subject.customer(one.id, Part.DETAILS)
        user_id = claimed.get(one.claimed_user_id or "")
        if user_id in taken and links.get(one.id) != user_id:
            findings.append(_link_finding(one.id, user_id, links.get(one.id), taken, subject))
        row = rows.get(one.id)
        if row and (row.email, row.currency, row.claimed_user_id) != (
            one.email,
            one.currency,
            one.claimed_user_id,
        ):
            findings.append(Finding(DriftKind.DETAILS, one.id, "customer details", subject))
    return findings


def _link_finding(
    customer_id: str,
    user_id: UUID | None,
    holder: UUID | None,
    taken: dict[UUID, str | None],
    subject: Subject,
) -> Finding:
    """A missing link can be made; a link that exists is never moved."""
    if holder is None and user_id is not None and taken[user_id] is None:
        return Finding(DriftKind.UNLINKED, customer_id, f"metadata names user {user_id}", subject)
    detail = f"metadata names user {user_id}, who is linked otherwise"
    return Finding(DriftKind.LINK_CONFLICT, customer_id, detail)


def _users_named(claims: set[str | None]) -> dict[str, UUID]:
    named = {}
    for claim in claims:
        try:
            named[claim or ""] = UUID(claim)
        except (ValueError, TypeError, AttributeError):
            continue
    return named


def _entitlement_findings(
    gateway: StripeGateway, customers: list[CustomerSnapshot]
) -> list[Finding]:
    """Features, for the customers who have a subscription here."""
    ids = [one.id for one in customers]
    with reading() as session:
        holders = set(
            session.scalars(
                sa.select(UserSubscription.stripe_customer_id).where(
                    UserSubscription.stripe_customer_id.in_(ids)
                )
            )
        )
        here: dict[str, set[str]] = {customer_id: set() for customer_id in ids}
        for row in session.execute(
            sa.select(ActiveEntitlement.stripe_customer_id, ActiveEntitlement.lookup_key).where(
                ActiveEntitlement.stripe_customer_id.in_(ids)
            )
        ):
            here[row.stripe_customer_id].add(row.lookup_key)
    findings = []
    for customer_id in sorted(holders):
        there = set(gateway.entitlements_of(customer_id))
        if there != here[customer_id]:
            detail = f"{sorted(here[customer_id])} here, {sorted(there)} at Stripe"
            subject = Subject.customer(customer_id, Part.ENTITLEMENTS)
            findings.append(Finding(DriftKind.ENTITLEMENT, customer_id, detail, subject))
    return findings


def _price_findings(prices: list[PriceSnapshot]) -> list[Finding]:
    """Prices that buy a plan, and are not here or not the same."""
    with reading() as session:
        known = PriceMap.load(prices)
        rows = {
            row.stripe_price_id: row
            for row in session.execute(
                sa.select(
                    PlanPrice.stripe_price_id,
                    PlanPrice.unit_amount,
                    PlanPrice.lookup_key,
                    PlanPrice.active,
                ).where(PlanPrice.stripe_price_id.in_([price.id for price in prices]))
            )
        }
    findings = []
    for price in prices:
        row = rows.get(price.id)
        there = (price.unit_amount, price.lookup_key, price.active)
        here = (row.unit_amount, row.lookup_key, row.active) if row else None
        if known.plan_of(price) is not None and here != there and price.product_id:
            detail = f"{here or 'nothing'} here, {there} at Stripe"
            subject = Subject.product(price.product_id)
            findings.append(Finding(DriftKind.PRICE, price.id, detail, subject))
    return findings
