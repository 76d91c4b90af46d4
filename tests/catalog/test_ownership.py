"""The rule for what is ours: one table of subscriptions and items, over prices known here."""

from typing import Any
from uuid import UUID

import pytest

from billing.catalog import ownership
from billing.catalog.mapping import PlanRank, PriceMap
from billing.stripe_api.snapshots import SubscriptionSnapshot
from tests.support.stripe_objects import a_stripe_item, a_stripe_price, a_stripe_subscription

USER = "6f9619ff-8b86-4011-8123-012345678901"
PRO, MAX = PlanRank(UUID(int=1), "pro", 10), PlanRank(UUID(int=2), "max", 20)
PLANS = {"pro": PRO, "max": MAX}
METERED = {"recurring": {"interval": "month", "interval_count": 1, "usage_type": "metered"}}


def item(number: int, price: str, quantity: int | None = 1, **more: Any) -> dict[str, Any]:
    """An item at a price without a lookup key, of a product of the same name."""
    priced = a_stripe_price(price, lookup_key=None, product=f"prod_{price}", **more)
    return a_stripe_item(f"si_{number}", price=priced, quantity=quantity)


def of(*items: dict[str, Any], **more: Any) -> SubscriptionSnapshot:
    return SubscriptionSnapshot.from_stripe(a_stripe_subscription(items=list(items), **more))


def known(**more: Any) -> PriceMap:
    """A price of each plan; more of what is known by name."""
    return PriceMap(PLANS, {"pro": "pro", "max": "max", "overage": "pro"}, {}, **more)


@pytest.mark.parametrize(
    ("subscription", "more", "is_ours"),
    [
        pytest.param(of(item(1, "pro")), {}, True, id="an item maps to a plan"),
        pytest.param(of(item(1, "hosting")), {}, False, id="another product"),
        pytest.param(
            of(item(1, "hosting"), metadata={"user_id": USER}), {}, True, id="our user in it"
        ),
        pytest.param(
            of(item(1, "hosting"), metadata={"user_id": "42"}), {}, False, id="no user of ours"
        ),
        pytest.param(
            of(item(1, "by_hand")),
            {"sellers": frozenset({"prod_by_hand"})},
            True,
            id="a hand-made price of a product that sells a plan",
        ),
        pytest.param(
            of(item(1, "pro")), {"ignored": frozenset({"pro"})}, False, id="ignored price"
        ),
        pytest.param(
            of(item(1, "pro"), metadata={"user_id": USER}),
            {"ignored": frozenset({"prod_pro"})},
            False,
            id="ignored product beats our metadata",
        ),
        pytest.param(
            of(item(1, "hosting"), item(2, "pro")),
            {"ignored": frozenset({"hosting"})},
            True,
            id="an ignored item beside one of ours",
        ),
    ],
)
def test_a_subscription_is_ours_by_one_rule(
    subscription: SubscriptionSnapshot, more: dict[str, Any], is_ours: bool
) -> None:
    assert ownership.is_ours(subscription, known(**more)) is is_ours


@pytest.mark.parametrize(
    ("subscription", "item_id", "plan"),
    [
        pytest.param(of(item(2, "pro"), item(1, "pro")), "si_1", PRO, id="ties: lowest id"),
        pytest.param(of(item(1, "pro"), item(2, "max")), "si_2", MAX, id="highest rank"),
        pytest.param(
            of(item(1, "overage", None, **METERED), item(2, "pro")),
            "si_2",
            PRO,
            id="licensed before metered",
        ),
        pytest.param(
            of(item(1, "overage", None, **METERED)), "si_1", PRO, id="metered where alone"
        ),
        pytest.param(of(item(1, "max", 0), item(2, "pro")), "si_2", PRO, id="quantity 0"),
        pytest.param(of(item(1, "pro", 0)), "si_1", None, id="quantity 0 grants nothing"),
        pytest.param(
            of(item(1, "pro", 0), item(2, "overage", None, **METERED)),
            "si_1",
            None,
            id="nor does the metered one beside it",
        ),
        pytest.param(of(item(1, "hosting")), "si_1", None, id="unmapped"),
    ],
)
def test_the_plan_item_is_found_by_one_rule(
    subscription: SubscriptionSnapshot, item_id: str, plan: PlanRank | None
) -> None:
    chosen = ownership.plan_item(subscription, known())

    assert (chosen.item and chosen.item.id, chosen.plan) == (item_id, plan)


def test_a_granting_subscription_comes_before_a_higher_plan_that_grants_nothing() -> None:
    paid, unpaid = ownership.preference("active", PRO), ownership.preference("unpaid", MAX)

    assert paid > unpaid
