"""Are the customers linked as our metadata says, described and entitled as at Stripe?"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from billing.database import reading
from billing.models import ActiveEntitlement, DriftKind, StripeCustomer, User, UserSubscription
from billing.stripe_api import listings
from billing.stripe_api.gateway import StripeGateway
from billing.stripe_api.snapshots import CustomerSnapshot
from billing.stripe_sync.healing.checks.walk import Checked, Walk
from billing.stripe_sync.healing.drift import Finding
from billing.stripe_sync.subjects import Part, Subject
from billing.stripe_sync.truths import links


def at_stripe(walk: Walk, after: str | None) -> Iterator[Checked]:
    """Every customer at Stripe: linked as our metadata says, and entitled to the same?"""
    entitles = walk.gateway.has_features()
    for page in listings.customers(walk.gateway, after):
        findings = [*_links(page.objects), *_details(page.objects)]
        if entitles:
            findings += _entitlements(walk.gateway, page.objects)
        yield Checked(len(page.objects), findings, page.cursor)


def _links(customers: list[CustomerSnapshot]) -> Iterator[Finding]:
    """Links that our metadata asks for and we do not have; conflicts."""
    claims = {one.id: _user_named(one.claimed_user_id) for one in customers}
    with reading() as session:
        parted = links.parted(claims)
        link_of = {
            row.id: row.stripe_customer_id
            for row in session.execute(
                sa.select(User.id, User.stripe_customer_id).where(
                    sa.or_(
                        User.id.in_([claim for claim in claims.values() if claim]),
                        User.stripe_customer_id.in_(claims),
                    )
                )
            )
        }
    holder_of = {customer_id: user_id for user_id, customer_id in link_of.items()}
    for customer_id, user_id in claims.items():
        if (user_id, customer_id) in parted:
            continue
        if user_id and user_id in link_of and link_of[user_id] != customer_id:
            is_free = link_of[user_id] is None and customer_id not in holder_of
            yield _link(customer_id, user_id, is_free=is_free)


def _link(customer_id: str, user_id: UUID, *, is_free: bool) -> Finding:
    """A missing link can be made; a link that exists is never moved."""
    if is_free:
        subject = Subject.customer(customer_id, Part.DETAILS)
        return Finding(DriftKind.UNLINKED, customer_id, f"metadata names user {user_id}", subject)
    detail = f"metadata names user {user_id}, who is linked otherwise"
    return Finding(DriftKind.LINK_CONFLICT, customer_id, detail)


def _user_named(claim: str | None) -> UUID | None:
    try:
        return UUID(claim or "")
    except ValueError:
        return None


def _details(customers: list[CustomerSnapshot]) -> Iterator[Finding]:
    with reading() as session:
        here: dict[str, tuple[Any, ...]] = {
            customer_id: tuple(shown)
            for customer_id, *shown in session.execute(
                sa.select(
                    StripeCustomer.id,
                    StripeCustomer.email,
                    StripeCustomer.currency,
                    StripeCustomer.claimed_user_id,
                ).where(StripeCustomer.id.in_([one.id for one in customers]))
            )
        }
    for one in customers:
        there = (one.email, one.currency, one.claimed_user_id)
        if here.get(one.id, there) != there:
            subject = Subject.customer(one.id, Part.DETAILS)
            yield Finding(DriftKind.DETAILS, one.id, "customer details", subject)


def _entitlements(gateway: StripeGateway, customers: list[CustomerSnapshot]) -> Iterator[Finding]:
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
    for customer_id in sorted(holders):
        there = set(gateway.entitlements_of(customer_id))
        if there != here[customer_id]:
            detail = f"{sorted(here[customer_id])} here, {sorted(there)} at Stripe"
            subject = Subject.customer(customer_id, Part.ENTITLEMENTS)
            yield Finding(DriftKind.ENTITLEMENT, customer_id, detail, subject)
