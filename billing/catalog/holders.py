"""Whom would a change of plans.toml touch? Holders have what the plan gives now."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from billing.catalog import seed
from billing.catalog.plans import OfferedPlan
from billing.database import reading
from billing.models import SubscriptionPlan, UserSubscription
from billing.models.subscriptions import TERMINAL


@dataclass(frozen=True, slots=True)
class Touched:
    """A plan that would change here, in which fields, and how many users hold it."""

    plan: str
    fields: list[str]
    holders: int


def touched(plans: Iterable[OfferedPlan], currency: str) -> list[Touched]:
    """Compare plans.toml with the stored plans; nothing is written."""
    with reading() as session:
        fields: dict[str, list[str]] = {}
        for one in seed.differences(plans, currency):
            fields.setdefault(one.plan, []).append(one.field)
        held = session.execute(
            sa.select(SubscriptionPlan.name, sa.func.count(UserSubscription.user_id.distinct()))
            .join(UserSubscription, UserSubscription.plan_id == SubscriptionPlan.id)
            .where(UserSubscription.status.not_in(TERMINAL))
            .group_by(SubscriptionPlan.name)
        )
        holders = {name: count for name, count in held}
    return [Touched(plan, names, holders.get(plan, 0)) for plan, names in fields.items()]
