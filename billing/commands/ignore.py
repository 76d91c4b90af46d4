"""The command that says which products and prices of a shared Stripe account are not ours."""

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from billing.database import insert_or_nothing, reading, transaction
from billing.models import Cause, IgnoredObject, SubscriptionItem, UserSubscription
from billing.models.subscriptions import TERMINAL
from billing.stripe_sync import changes, counters, sweep
from billing.stripe_sync.subjects import Subject

SHOWN = 20


@click.command("ignore")
@click.argument("kind", type=click.Choice(["product", "price"]))
@click.argument("stripe_id")
@click.option("--undo", is_flag=True, help="It may be ours again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def ignore_object(kind: str, stripe_id: str, undo: bool, yes: bool) -> None:
    """Say that a product or price (KIND, STRIPE_ID) is not ours, whatever maps it to a plan.

    Its subscriptions are never changed, counted or sold against. The holders are listed first, and
    every one of them is refreshed afterwards.
    """
    holders = _holders(kind, stripe_id)
    for subscription_id, customer_id in holders[:SHOWN]:
        click.echo(f"{subscription_id}  {customer_id}")
    click.echo(f"{len(holders)} live subscriptions hold {stripe_id}")
    if not yes:
        click.confirm("Go on?", abort=True)
    with transaction() as session:
        for customer_id in sorted({customer_id for _, customer_id in holders}):
            counters.ask(Subject.customer(customer_id))
        if undo:
            session.execute(sa.delete(IgnoredObject).where(IgnoredObject.stripe_id == stripe_id))
        else:
            row = {"stripe_id": stripe_id, "kind": kind}
            session.execute(insert_or_nothing(IgnoredObject, row, key="stripe_id"))
        changes.note([_change(stripe_id, is_ignored=not undo)])
    sweep.sweep()
    click.echo(f"{stripe_id} is {'no longer ignored' if undo else 'ignored'}")


def _holders(kind: str, stripe_id: str) -> list[tuple[str, str]]:
    column = {
        "product": SubscriptionItem.stripe_product_id,
        "price": SubscriptionItem.stripe_price_id,
    }[kind]
    with reading() as session:
        rows = session.execute(
            sa.select(UserSubscription.stripe_subscription_id, UserSubscription.stripe_customer_id)
            .join(SubscriptionItem, SubscriptionItem.subscription_id == UserSubscription.id)
            .where(column == stripe_id, UserSubscription.status.not_in(TERMINAL))
            .order_by(UserSubscription.stripe_subscription_id)
        )
        return [(row[0], row[1]) for row in rows]


def _change(stripe_id: str, *, is_ignored: bool) -> dict[str, object]:
    return {
        "stripe_id": stripe_id,
        "field": "is_ignored",
        "before": not is_ignored,
        "after": is_ignored,
        "cause": Cause.OPERATOR,
    }
