"""What is a subscription to become? A price and a quantity, and whether that is more or less."""

from dataclasses import dataclass
from typing import Any

from billing.catalog.mapping import interval_name, interval_parts
from billing.models import Status
from billing.sales.holdings import PORTAL, Holding, NotChangeable
from billing.sales.offers import find_offer, require_seats
from billing.settings import settings
from config import Downgrade

DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
CHANGEABLE = {Status.ACTIVE, Status.TRIALING}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer wants to have; None is as it is now."""

    plan_name: str | None = None
    interval: str | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What the plan item is to become. `is_step_up` tells whether more is bought."""

    stripe_price_id: str
    quantity: int | None
    interval: str
    unit_amount: int | None
    currency: str
    is_step_up: bool

    def is_held(self, holding: Holding) -> bool:
        """Tell whether that is what the item is."""
        held = (holding.item.price.id, holding.item.quantity)
        return held == (self.stripe_price_id, self.quantity)

    def item(self, holding: Holding) -> dict[str, Any]:
        """Write the change of the item. A price that stays is not named: it may be sold no more."""
        told: dict[str, Any] = {"id": holding.item.id}
        if self.stripe_price_id != holding.item.price.id:
            told["price"] = self.stripe_price_id
        return told if self.quantity is None else told | {"quantity": self.quantity}

    @property
    def text(self) -> str:
        """Name the target in keys."""
        return f"{self.stripe_price_id}x{self.quantity}"


def changeable(holding: Holding) -> Holding:
    """Pass a subscription in good order. Raises NotChangeable, naming the way on."""
    if holding.status not in CHANGEABLE:
        raise NotChangeable(
            f"The subscription is {holding.subscription.status}; the portal helps.", portal=PORTAL
        )
    if holding.is_ending:
        raise NotChangeable("The subscription is about to end; resume it first.", portal=PORTAL)
    return holding


def target_of(holding: Holding, wish: Wish) -> Target:
    """Find the price of what is wished. Raises as `find_offer`, NotChangeable, TooManySeats."""
    price, quantity = holding.item.price, holding.item.quantity
    wanted_quantity = quantity if wish.quantity is None else wish.quantity
    held_interval = interval_name(price.interval, price.interval_count)
    interval = wish.interval or held_interval
    if holding.plan is None:
        raise NotChangeable("The subscription's price belongs to no plan.", portal=PORTAL)
    if quantity is None and wish.quantity is not None:
        raise NotChangeable("A metered price has no quantity.", portal=PORTAL)
    plan_name = wish.plan_name or holding.plan.name
    if (plan_name, interval) == (holding.plan.name, held_interval):
        # A price that is sold no more is kept by who has it.
        id, amount, rank_gain = price.id, price.unit_amount, 0
    else:
        offer = find_offer(plan_name, interval, holding.subscription.currency)
        id, amount = offer.stripe_price_id, offer.unit_amount
        rank_gain = offer.rank - holding.plan.rank
    is_more = plan_name != holding.plan.name or (wanted_quantity or 0) > (quantity or 0)
    if wanted_quantity is not None and is_more:  # who has more seats already may keep them
        require_seats(plan_name, wanted_quantity)
    gains = (
        rank_gain,
        _days_of(interval) - _days_of(held_interval or interval),
        (wanted_quantity or 0) - (quantity or 0),
    )
    return Target(
        id, wanted_quantity, interval, amount, price.currency, is_step_up=gains > (0, 0, 0)
    )


def _days_of(interval: str) -> int:
    """Return about how long an interval is, to tell the longer of two."""
    unit, count = interval_parts(interval)
    return DAYS.get(unit, 0) * count


def is_immediate(holding: Holding, target: Target) -> bool:
    """Tell whether the change is made now: more is bought, nothing is paid yet, or by setting."""
    return target.is_step_up or holding.is_in_trial or settings().downgrade is Downgrade.NOW
