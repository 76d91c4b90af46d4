"""flask billing refresh, map-price: bring one thing to Stripe's truth, by hand."""

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from billing.catalog.mapping import PlanRank
from billing.catalog.ownership import is_metered
from billing.database import reading, transaction
from billing.models import Cause, SubscriptionPlan
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import counters, refresh, sweep
from billing.stripe_sync.subjects import MODELS, Kind, Part, Subject
from billing.stripe_sync.truths.products import map_price


@click.command("refresh")
@click.argument("customer_id")
@with_appcontext
def refresh_customer(customer_id: str) -> None:
    """Fetch everything of one Stripe CUSTOMER_ID (cus_...) and store it."""
    subject = Subject.customer(customer_id, *Part)
    with transaction():
        generation = counters.ask(subject)
    refresh.run(subject, Cause.OPERATOR)
    with reading() as session:
        row = session.execute(
            sa.select(MODELS[Kind.CUSTOMER].synced, MODELS[Kind.CUSTOMER].last_error).where(
                MODELS[Kind.CUSTOMER].id == customer_id
            )
        ).one()
    if row.synced < generation:
        raise click.ClickException(f"not confirmed yet: {row.last_error or 'another is at it'}")
    click.echo(f"{customer_id} is as Stripe holds it (generation {row.synced})")


@click.command("map-price")
@click.argument("price_id")
@click.argument("plan")
@click.option("--offer", is_flag=True, help="Also sell and publish it. A metered price never is.")
@with_appcontext
def map_price_by_hand(price_id: str, plan: str, offer: bool) -> None:
    """Let the Stripe PRICE_ID buy PLAN, and refresh every customer who holds it.

    Without --offer the price is sold to nobody: who holds it has the plan.
    """
    with reading() as session:
        found = session.execute(
            sa.select(SubscriptionPlan.id, SubscriptionPlan.name, SubscriptionPlan.rank).where(
                SubscriptionPlan.name == plan
            )
        ).first()
    if found is None:
        raise click.ClickException(f"there is no plan {plan!r}; see: flask billing seed-plans")
    price = gateway().price(price_id)
    if offer and is_metered(price):
        raise click.ClickException(f"{price_id} bills usage and cannot be offered")
    if price.interval is None:
        raise click.ClickException(f"{price_id} is a one-off price and cannot buy a plan")
    with transaction():
        asked = map_price(price, PlanRank(*found), is_offered=offer)
    sweep.sweep()
    click.echo(f"{price_id} buys {plan}; customers refreshed: {asked}")
