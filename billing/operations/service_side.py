"""What does our own database say? Migrations, plans and prices, and work that lies still."""

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from flask import current_app

from billing.database import dialect_name, reading
from billing.models import (
    IgnoredObject,
    PlanPrice,
    SubscriptionItem,
    SubscriptionPlan,
    UserSubscription,
)
from billing.operations import readiness, work
from billing.operations.findings import Finding, fail, ok, warn
from billing.operations.limit_storage import storage_of
from billing.settings import settings

LATE = timedelta(minutes=5)
SILENT = timedelta(days=2)
SHOWN = 5


def check_database() -> Iterator[Finding]:
    """Is it there, and is it migrated? Raises NotReady."""
    found, newest = readiness.database_revision(), readiness.newest_revision()
    if readiness.is_migrated(found, newest):
        yield ok("database", f"{dialect_name()}, migrated to {found}")
    else:
        yield fail(
            "database", f"migrated to {found or 'nothing'}, not {newest}", "flask db upgrade"
        )


def check_catalogue() -> Iterator[Finding]:
    """Does every plan on sale have a price, and every price that is paid a plan?"""
    with reading() as session:
        plans = session.scalars(
            sa.select(SubscriptionPlan.name)
            .where(SubscriptionPlan.is_active, SubscriptionPlan.price_cents > 0)
            .where(~SubscriptionPlan.prices.any(sa.and_(PlanPrice.active, PlanPrice.offered)))
            .order_by(SubscriptionPlan.rank)
        ).all()
        known = session.scalar(sa.select(sa.func.count()).select_from(SubscriptionPlan))
        unmapped = session.scalars(
            sa.select(SubscriptionItem.stripe_price_id)
            .join(UserSubscription, UserSubscription.id == SubscriptionItem.subscription_id)
            .where(
                UserSubscription.plan_id.is_(None),
                UserSubscription.ended_at.is_(None),
                ~sa.exists().where(
                    IgnoredObject.stripe_id.in_(
                        (SubscriptionItem.stripe_price_id, SubscriptionItem.stripe_product_id)
                    )
                ),
            )
            .distinct()
            .limit(SHOWN)
        ).all()
    if not known:
        yield fail("plans", "there are none", "flask billing seed-plans")
    elif plans:
        fix = "flask billing catalog apply, or map-price PRICE PLAN"
        yield warn("plans", f"no price buys {', '.join(plans)}", fix)
    else:
        yield ok("plans", "every paid plan on sale has a price")
    if unmapped:
        fix = f"flask billing map-price {unmapped[0]} PLAN, or ignore price {unmapped[0]}"
        yield warn("prices", f"subscribers pay for no plan: {', '.join(unmapped)}", fix)
    else:
        yield ok("prices", "every subscription's price buys a plan")


def check_work() -> Iterator[Finding]:
    """Is anything late, parked or dead?"""
    found = work.survey()
    dead = found.events["dead"]
    if dead:
        fix = "flask billing events list --state dead, then events replay --state dead"
        yield warn("dead events", f"{dead}; most: {found.dead[0].error}", fix)
    if found.parked:
        one = next(one for one in found.stuck if one.parked)
        yield warn(
            "parked", f"{found.parked}; {one.id}: {one.error}", f"flask billing refresh {one.id}"
        )
    if found.failing:
        yield warn("failing", f"{found.failing} refreshes are tried again", "flask billing status")
    late = [
        one
        for one in (found.oldest_event_at, found.oldest_due_at)
        if one and found.now - one > LATE
    ]
    if late:
        age = int((found.now - min(late)).total_seconds() / 60)
        yield fail("queue", f"the oldest open work is {age} minutes old", _who_works())
    else:
        yield ok("queue", "no work waits longer than five minutes")
    yield _last_event(found)


def check_limits() -> Iterator[Finding]:
    """Does the Redis that counts for all processes count? Without one, the process does."""
    storage = storage_of(current_app)
    if storage is None:
        yield ok("limits", "counted in the one process that serves")
    elif storage.check():
        yield ok("limits", "counted in Redis")
    else:
        yield warn("limits", "Redis does not count: each process does for itself", "mend Redis")


def _last_event(found: work.Work) -> Finding:
    fix = "look at the endpoint's deliveries at https://dashboard.stripe.com/workbench/webhooks"
    if found.newest_event_at is None:
        return warn("last event", "Stripe has never delivered one", fix)
    if found.now - found.newest_event_at > SILENT:
        return warn("last event", f"none since {found.newest_event_at:%Y-%m-%d %H:%M} UTC", fix)
    return ok("last event", f"{found.newest_event_at:%Y-%m-%d %H:%M:%S} UTC")


def _who_works() -> str:
    if settings().processing == "worker":
        return "is `flask billing worker` running?"
    return "is the service running? its sweep looks every few seconds; see its log for sweep="
