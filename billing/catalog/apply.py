"""Does Stripe sell what plans.toml describes? The difference, and how it is made good."""

from collections.abc import Iterable

from billing.catalog import portal, steps
from billing.catalog.plans import OfferedPlan
from billing.catalog.steps import Step
from billing.database import transaction
from billing.models import Cause
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.subjects import Subject

STAGES = (
    steps.products,
    steps.prices,
    steps.old_prices,
    steps.features,
    steps.attachments,
    portal.portal,
)
"""In this order: what is needed comes first."""


def plan(plans: Iterable[OfferedPlan]) -> list[Step]:
    """Name every step that is missing; none is taken."""
    wanted = steps.sold(plans)
    return [step for stage in STAGES for step in stage(wanted)]


def apply(plans: Iterable[OfferedPlan]) -> list[Step]:
    """Take every step that is missing, then follow every product here; return the steps taken.

    Safe to run twice, and after a crash anywhere in between.
    """
    wanted = steps.sold(plans)
    taken = []
    for stage in STAGES:
        for step in stage(wanted):
            step.take()
            taken.append(step)
    names = {one.name for one in wanted}
    for name, product in sorted(steps.products_by_plan().items()):
        if name in names:
            follow(product.id)
    return taken


def follow(product_id: str) -> None:
    """Bring our rows of this product and its prices to Stripe's truth."""
    subject = Subject.product(product_id)
    with transaction():
        counters.ask(subject)
    refresh.run(subject, Cause.OPERATOR)
