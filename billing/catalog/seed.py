"""Do the stored plans agree with plans.toml? If not, make them, and tell what changed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from billing import clock
from billing.catalog.plans import OfferedPlan
from billing.database import db, insert
from billing.models import Cause, SubscriptionPlan
from billing.models.catalogue import QUOTA_COLUMNS
from billing.stripe_sync import changes


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """One field of one plan; `before` is None for a plan that was not there."""

    plan: str
    field: str
    before: Any
    after: Any


def seed(plans: Iterable[OfferedPlan], currency: str) -> list[PlanDifference]:
    """Bring the plans into the database, inside the caller's transaction; return what changed.

    Safe to repeat. A stored plan that is not among them is left as it is: its holders keep it.
    Whoever follows the changes is told of each plan once, as one edit.
    """
    _take_turns()
    differences = []
    for plan in plans:
        columns = _columns(plan, currency)
        changed = _changed(plan.name, columns)
        if changed:
            _upsert({"name": plan.name, **columns})
            changes.note([_edit(plan.name, changed)])
        differences += changed
    return differences


def differences(plans: Iterable[OfferedPlan], currency: str) -> list[PlanDifference]:
    """Tell what `seed` would change; nothing is written."""
    return [one for plan in plans for one in _changed(plan.name, _columns(plan, currency))]


def _columns(plan: OfferedPlan, currency: str) -> dict[str, Any]:
    monthly = [
        price.amount_cents
        for price in plan.prices
        if price.interval == "month" and price.currency == currency
    ]
    return {
        "display_name": plan.display_name,
        "description": plan.description,
        "price_cents": monthly[0] if monthly else 0,
        "billing_period": "month",
        "features": dict.fromkeys(plan.features, True),
        "rate_limits": dict(plan.rate_limits),
        "rate_limit_multiplier": plan.rate_limit_multiplier,
        "quota_rules": {metric.value: asdict(rule) for metric, rule in plan.quota_rules.items()},
        "trial_days": plan.trial_days,
        "max_quantity": plan.max_quantity,
        "rank": plan.rank,
        "is_active": plan.on_sale,
        **{column: plan.quotas.get(metric) for metric, column in QUOTA_COLUMNS.items()},
    }


def _changed(name: str, columns: dict[str, Any]) -> list[PlanDifference]:
    stored = db.session.execute(
        sa.select(*(getattr(SubscriptionPlan, column) for column in columns)).where(
            SubscriptionPlan.name == name
        )
    ).one_or_none()
    before = stored._asdict() if stored else dict.fromkeys(columns)
    return [
        PlanDifference(name, column, _readable(before[column]), _readable(after))
        for column, after in columns.items()
        if before[column] != after
    ]


def _take_turns() -> None:
    """Let two who seed at once, as two machines do, not both tell of the same edit."""
    db.session.execute(sa.select(SubscriptionPlan.id).with_for_update())


def _edit(plan: str, changed: list[PlanDifference]) -> dict[str, Any]:
    is_new = any(one.field == "display_name" and one.before is None for one in changed)
    return {
        "plan": plan,
        "field": "plan",
        "before": None if is_new else {one.field: one.before for one in changed},
        "after": {one.field: one.after for one in changed},
        "cause": Cause.OPERATOR,
    }


def _readable(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _upsert(values: dict[str, Any]) -> None:
    row = insert(SubscriptionPlan).values(values)
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=["name"],
            set_={name: row.excluded[name] for name in values if name != "name"}
            | {"updated_at": clock.utc_now()},
        )
    )
