"""What is sold, and what could this visitor do about each plan?"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from flask import Blueprint, g, render_template, request

from billing.catalog import listing
from billing.catalog.listing import ListedPlan, ListedPrice
from billing.catalog.terms import FREE, Plan
from billing.entitlements import Reason, Standing, standing_of
from billing.models import Status
from billing.sales.offers import NotForSale
from billing.settings import settings

INTERVALS = ("month", "year")
MONTHS_OF_A_YEAR = 12

pricing = Blueprint("pricing", __name__)


class Step(StrEnum):
    """What the button of a plan does."""

    REGISTER = "register"
    ORDER = "order"
    BUY = "buy"
    CHANGE = "change"
    CANCEL = "cancel"
    MANAGE = "manage"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Card:
    """A plan on the page. `saving` is by how many percent the year is cheaper than its months."""

    plan: Plan
    price: ListedPrice | None
    saving: int | None
    is_current: bool
    is_suggested: bool
    step: Step

    @property
    def name(self) -> str:
        """The plan's name in addresses and forms."""
        return self.plan.name

    @property
    def is_free(self) -> bool:
        """Tell whether it costs nothing."""
        return self.plan.name == FREE


@pricing.get("/pricing")
def show() -> str:
    """Show the plans beside each other, by the month or by the year."""
    standing = standing_of(g.visitor.user_id) if g.visitor else None
    interval = chosen_interval(standing)
    listed = listing.on_sale()
    return render_template(
        "pages/pricing.html",
        cards=[card(plan, interval, standing, suggested(listed, standing)) for plan in listed],
        interval=interval,
        intervals=INTERVALS,
        currency=settings().default_currency,
    )


def chosen_interval(standing: Standing | None = None) -> str:
    """Read how often is to be paid: what is asked for, else as it is held, else by the month."""
    held = standing.access.subscription if standing else None
    for interval in (request.values.get("interval"), held.interval if held else None):
        if interval in INTERVALS:
            return interval
    return INTERVALS[0]


def suggested(listed: list[ListedPlan], standing: Standing | None) -> UUID | None:
    """Find the next plan above the one in force."""
    rank = standing.plan.rank if standing else 0
    above = [plan.terms.id for plan in listed if plan.terms.rank > rank]
    return above[0] if above else None


def card(
    plan: ListedPlan, interval: str, standing: Standing | None, suggested_id: UUID | None
) -> Card:
    """Put together what is shown of a plan."""
    price = price_of(plan, interval)
    return Card(
        plan=plan.terms,
        price=price,
        saving=saving_of(plan) if interval == "year" else None,
        is_current=standing is not None and standing.plan.id == plan.terms.id,
        is_suggested=plan.terms.id == suggested_id,
        step=step_of(plan.terms, price, interval, standing),
    )


def step_of(
    plan: Plan, price: ListedPrice | None, interval: str, standing: Standing | None
) -> Step:
    """Choose what the visitor can do about the plan."""
    if standing is None:
        return Step.REGISTER if plan.name == FREE else Step.ORDER if price else Step.NONE
    if not holds_one(standing):
        return Step.BUY if price else Step.NONE
    held = standing.access.subscription
    if held is None or not is_going_on(standing):
        return Step.MANAGE
    if plan.name == FREE:
        return Step.CANCEL
    is_held = (plan.id, interval) == (standing.plan.id, held.interval)
    return Step.CHANGE if price and not is_held else Step.NONE


def holds_one(standing: Standing) -> bool:
    """Tell whether a subscription lives: then it is changed, and none is bought."""
    return any(not Status.read(one.status).is_terminal for one in standing.subscriptions)


def is_going_on(standing: Standing) -> bool:
    """Tell whether the subscription is in good order and no end of it is planned."""
    is_good = standing.access.reason in {Reason.ACTIVE, Reason.TRIALING}
    return is_good and standing.access.until is None


def is_by_seat(standing: Standing) -> bool:
    """Tell whether seats can be changed: the subscription goes on and more than one is held or
    would give more.
    """
    held = standing.access.subscription
    if held is None or not held.quantity or not is_going_on(standing):
        return False
    return held.quantity > 1 or any(rule.per_seat for rule in standing.plan.rules.values())


def price_of(plan: ListedPlan, interval: str) -> ListedPrice | None:
    """Find what the plan costs in the default currency; None if it is not sold that way."""
    for price in plan.prices:
        once = (price.interval, price.interval_count) == (interval, 1)
        if once and price.currency == settings().default_currency:
            return price
    return None


def saving_of(plan: ListedPlan) -> int | None:
    """Reckon by how many percent a year is cheaper than twelve months."""
    month, year = (price_of(plan, interval) for interval in INTERVALS)
    if not (month and year and month.unit_amount and year.unit_amount):
        return None
    months = month.unit_amount * MONTHS_OF_A_YEAR
    return (months - year.unit_amount) * 100 // months or None


def offered(name: str, interval: str) -> tuple[ListedPlan, ListedPrice]:
    """Find a plan on sale and its price. Raises NotFound, NotForSale."""
    plan = listing.find(name)
    price = price_of(plan, interval)
    if not plan.is_on_sale or price is None:
        raise NotForSale(f"{plan.terms.display_name} is not sold by the {interval}.")
    return plan, price
