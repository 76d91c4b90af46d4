"""Which subscription does the user hold? As Stripe has it now, with the item that is the plan."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from billing.catalog import ownership
from billing.catalog.mapping import PlanRank, PriceMap
from billing.database import reading
from billing.errors import Conflict
from billing.models import Status
from billing.sales.buyers import buyer
from billing.sales.truth import generation_of
from billing.stripe_api.gateway import gateway
from billing.stripe_api.snapshots import ItemSnapshot, SubscriptionSnapshot

PORTAL = "/v1/subscription/portal"
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class NoSubscription(Conflict):
    """There is no live subscription; one is bought by a checkout."""

    code = "no_subscription"


class NotChangeable(Conflict):
    """The subscription cannot be changed as it is now."""

    code = "subscription_not_changeable"


@dataclass(frozen=True, slots=True)
class Holding:
    """A live subscription, and the item and plan that count. Keys to Stripe begin with `state`."""

    customer_id: str
    subscription: SubscriptionSnapshot
    item: ItemSnapshot
    plan: PlanRank | None
    generation: int

    @property
    def id(self) -> str:
        """Stripe's id of the subscription."""
        return self.subscription.id

    @property
    def status(self) -> Status:
        """Stripe's status."""
        return Status.read(self.subscription.status)

    @property
    def is_in_trial(self) -> bool:
        """Tell whether nothing was paid yet."""
        return self.status is Status.TRIALING

    @property
    def is_ending(self) -> bool:
        """Tell whether its end is planned, in either of Stripe's two ways."""
        return self.subscription.cancel_at_period_end or self.subscription.cancel_at is not None

    @property
    def state(self) -> str:
        """Name the state that an intent starts from: the same intent later is another one."""
        one = self.subscription
        held = f"{self.item.price.id}x{self.item.quantity}"
        return f"{one.id}:{held}:{one.latest_invoice_id}:{self.generation}"


def customer_of_holder(user_id: UUID) -> str:
    """Name the user's Stripe customer. Raises NotFound, NoSubscription."""
    customer_id = buyer(user_id).stripe_customer_id
    if customer_id is None:
        raise NoSubscription("There is no subscription yet; buy one by a checkout.")
    return customer_id


def holding_of(customer_id: str) -> Holding:
    """Fetch the current subscription from Stripe: the one that access names.

    Of those that are ours, a granting one comes before any other, then the highest plan. Raises
    NoSubscription where none is ours, whatever else the customer pays for in the same account.
    """
    generation = generation_of(customer_id)  # before Stripe is read, never after
    found, _ = gateway().subscriptions_of(customer_id)
    live, prices = live_and_ours(found)
    held = [
        Holding(customer_id, one, chosen.item, chosen.plan, generation)
        for one in live
        if (chosen := ownership.plan_item(one, prices)).item is not None
    ]
    if not held:
        raise NoSubscription("There is no subscription; buy one by a checkout.")
    return max(held, key=_weight)


def live_and_ours(
    subscriptions: list[SubscriptionSnapshot],
) -> tuple[list[SubscriptionSnapshot], PriceMap]:
    """Return those that live and are ours, and what is known of their prices."""
    ours, prices = ours_of(subscriptions)
    return [one for one in ours if not Status.read(one.status).is_terminal], prices


def ours_of(
    subscriptions: list[SubscriptionSnapshot],
) -> tuple[list[SubscriptionSnapshot], PriceMap]:
    """Return those that are ours, ended ones too, and what is known of their prices."""
    with reading():
        prices = PriceMap.load(item.price for one in subscriptions for item in one.items)
    return [one for one in subscriptions if ownership.is_ours(one, prices)], prices


def _weight(holding: Holding) -> tuple[bool, int, datetime, str]:
    order = ownership.preference(holding.subscription.status, holding.plan)
    return (*order, holding.subscription.started_at or LONG_AGO, holding.id)
