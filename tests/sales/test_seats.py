"""The most seats that one subscription of a plan may have."""

from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe

from billing.catalog.plans import BadPlans, parse_plans
from billing.database import transaction
from billing.emulator import Emulator
from billing.models import SubscriptionPlan
from tests.support.changes import CHANGE, PREVIEW, Post, keys
from tests.support.factories import auth
from tests.support.requests import Client

CHECKOUT = "/v1/subscription/checkout"


def allow(plan: str, seats: int) -> None:
    """Let a subscription of the plan have so many seats."""
    with transaction() as session:
        statement = sa.update(SubscriptionPlan).where(SubscriptionPlan.name == plan)
        session.execute(statement.values(max_quantity=seats))


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("seats", "status"), [(5, 201), (6, 422)])
def test_no_more_seats_are_sold_than_the_plan_may_have(
    client: Client, user_id: UUID, emulator: Emulator, seats: int, status: int
) -> None:
    allow("pro", 5)
    asked_before = len(emulator.requests)

    response = client.post(CHECKOUT, json={"plan": "pro", "quantity": seats}, headers=auth(user_id))

    assert response.status_code == status
    if status == 422:
        assert (response.json["code"], response.json["max_quantity"]) == ("too_many_seats", 5)
        assert "at most 5 seats" in response.json["detail"]
        assert len(emulator.requests) == asked_before


@pytest.mark.parametrize("path", [CHANGE, PREVIEW])
def test_a_change_and_its_preview_obey_the_plan_to_come(
    client: Client, pro_id: UUID, account: stripe.StripeClient, path: str
) -> None:
    allow("enterprise", 2)
    wish = {"plan": "enterprise", "quantity": 3}

    if path == CHANGE:
        response = client.post(path, json=wish, headers=auth(pro_id))
    else:
        response = client.get(path, query_string=wish, headers=auth(pro_id))

    assert (response.status_code, response.json["code"]) == (422, "too_many_seats")
    assert response.json["max_quantity"] == 2
    assert keys(account) == [("pro_month", 1)]


def test_seats_that_are_kept_count_on_the_plan_to_come(
    change: Post, account: stripe.StripeClient
) -> None:
    change(quantity=3)
    allow("enterprise", 2)

    assert change(plan="enterprise").json["code"] == "too_many_seats"


def test_who_has_more_seats_than_the_plan_may_have_now_can_have_fewer_or_pay_by_the_year(
    change: Post, account: stripe.StripeClient
) -> None:
    change(quantity=5)
    allow("pro", 2)

    assert change(interval="year").status_code == 200
    assert change(quantity=4).status_code == 200
    assert change(quantity=6).json["code"] == "too_many_seats"


PLANS = """
[plans.free]
display_name = "Free"
rank = 0
on_sale = true
features = []
rate_limit_multiplier = 1
"""


@pytest.mark.parametrize(("line", "most"), [("", 1_000), ("max_quantity = 25", 25)])
def test_the_number_stands_in_plans_toml(line: str, most: int) -> None:
    (plan,) = parse_plans(PLANS + line)

    assert plan.max_quantity == most


@pytest.mark.parametrize("number", ["0", "-1", "1_000_000", '"5"', "1.5", "true"])
def test_a_number_that_cannot_be_is_refused_by_name(number: str) -> None:
    with pytest.raises(BadPlans, match="max_quantity"):
        parse_plans(f"{PLANS}max_quantity = {number}")
