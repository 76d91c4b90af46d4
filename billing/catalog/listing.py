"""What do our plans look like from outside? Terms and prices, read in one statement."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from billing.catalog.terms import PLAN_COLUMNS, Plan
from billing.database import reading
from billing.errors import NotFound
from billing.models import PlanPrice, SubscriptionPlan

INTERVALS = ("day", "week", "month", "year")

OFFERED = sa.and_(PlanPrice.plan_id == SubscriptionPlan.id, PlanPrice.active, PlanPrice.offered)


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """One way to pay; `unit_amount` is in the currency's minor unit."""

    interval: str
    interval_count: int
    currency: str
    unit_amount: int | None


@dataclass(frozen=True, slots=True)
class ListedPlan:
    """A plan and the active prices that buy it, the shortest interval first."""

    terms: Plan
    is_on_sale: bool
    prices: tuple[ListedPrice, ...]


def on_sale() -> list[ListedPlan]:
    """Read the plans that can be chosen, the lowest rank first."""
    return _read(SubscriptionPlan.is_active.is_(True))


def find(name: str) -> ListedPlan:
    """Read one plan, also one that is no longer sold: its holders look it up. Raises NotFound."""
    found = _read(SubscriptionPlan.name == name)
    if not found:
        raise NotFound(f"There is no plan {name!r}.")
    return found[0]


def _read(wanted: sa.ColumnElement[bool]) -> list[ListedPlan]:
    statement = (
        sa.select(
            *PLAN_COLUMNS,
            SubscriptionPlan.is_active,
            PlanPrice.interval,
            PlanPrice.interval_count,
            PlanPrice.currency,
            PlanPrice.unit_amount,
        )
        .outerjoin(PlanPrice, OFFERED)
        .where(wanted)
        .order_by(SubscriptionPlan.rank, SubscriptionPlan.name)
    )
    with reading() as session:
        rows = session.execute(statement).all()
    by_plan: dict[Any, list[sa.Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        by_plan.setdefault(row.id, []).append(row)
    return [_listed(plan_rows) for plan_rows in by_plan.values()]


def _listed(rows: list[sa.Row[*tuple[Any, ...]]]) -> ListedPlan:
    prices = [
        ListedPrice(row.interval, row.interval_count, row.currency, row.unit_amount)
        for row in rows
        if row.interval is not None
    ]
    return ListedPlan(Plan.of(rows[0]), rows[0].is_active, tuple(sorted(prices, key=_order)))


def _order(price: ListedPrice) -> tuple[int, int, str]:
    return INTERVALS.index(price.interval), price.interval_count, price.currency
