"""What can be bought? A plan on sale, at one of its active prices."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from billing.catalog.mapping import interval_name, interval_parts
from billing.database import reading
from billing.errors import Invalid, NotFound
from billing.models import PlanPrice, SubscriptionPlan
from billing.settings import settings


class NotForSale(Invalid):
    """The plan cannot be bought: it is free, off sale, or has no such price."""

    code = "not_for_sale"


class TooManySeats(Invalid):
    """One subscription of this plan has fewer seats at most."""

    code = "too_many_seats"


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan at a price. `unit_amount` is in the currency's minor unit."""

    plan_id: UUID
    plan_name: str
    rank: int
    stripe_price_id: str
    currency: str
    interval: str
    unit_amount: int | None
    trial_days: int = 0


def find_offer(plan_name: str, interval: str, currency: str | None = None) -> Offer:
    """Find the price in the currency, else in the default one. Raises NotFound, NotForSale."""
    currency = currency or settings().default_currency
    unit, count = interval_parts(interval)
    with reading() as session:
        plan = session.scalar(sa.select(SubscriptionPlan).where(SubscriptionPlan.name == plan_name))
        if plan is None:
            raise NotFound(f"There is no plan {plan_name!r}.")
        price = session.scalar(
            sa.select(PlanPrice)
            .where(
                PlanPrice.plan_id == plan.id,
                PlanPrice.interval == unit,
                PlanPrice.interval_count == count,
                PlanPrice.currency == currency,
                PlanPrice.active,
                PlanPrice.offered,
            )
            .order_by(PlanPrice.lookup_key.is_(None), PlanPrice.created_at.desc())
            .limit(1)
        )
        if not plan.is_active or price is None:
            raise NotForSale(f"The plan {plan_name!r} is not sold by the {interval} in {currency}.")
        return Offer(
            plan_id=plan.id,
            plan_name=plan.name,
            rank=plan.rank,
            stripe_price_id=price.stripe_price_id,
            currency=price.currency,
            interval=interval_name(price.interval, price.interval_count),
            unit_amount=price.unit_amount,
            trial_days=plan.trial_days,
        )


def require_seats(plan_name: str, quantity: int) -> None:
    """Check that a subscription of the plan may have so many seats. Raises TooManySeats."""
    statement = sa.select(SubscriptionPlan.max_quantity, SubscriptionPlan.display_name)
    with reading() as session:
        plan = session.execute(statement.where(SubscriptionPlan.name == plan_name)).one()
    if quantity > plan.max_quantity:
        raise TooManySeats(
            f"{plan.display_name} has at most {plan.max_quantity:,} seats a subscription.",
            max_quantity=plan.max_quantity,
        )
