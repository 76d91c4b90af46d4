"""Does a downgrade wait for the end of the period, and can it be taken back?"""

from typing import Any
from uuid import UUID

import pytest
import stripe

from billing.emulator import Emulator
from tests.support.changes import Post, bought, invoices, keys
from tests.support.requests import Client


def test_a_downgrade_waits_for_the_end_of_the_period_and_shows_as_pending(
    change: Post, account: stripe.StripeClient
) -> None:
    change(plan="enterprise")
    end = bought(account)["items"].data[0].current_period_end

    response = change(plan="pro")

    assert (response.status_code, response.json["plan"]) == (200, "enterprise")
    assert response.json["pending"]["plan"] == "pro"
    assert response.json["pending"]["at"] == response.json["period"]["end"]
    assert keys(account) == [("enterprise_month", 1)]
    schedule = account.v1.subscription_schedules.list().data[0]
    assert [phase.end_date for phase in schedule.phases][0] == end
    assert schedule.end_behavior == "release"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"interval": "month"}, id="by the month again"),
        pytest.param({"quantity": 1}, id="fewer seats"),
    ],
)
def test_less_of_anything_waits_for_the_end_of_the_period(
    change: Post, account: stripe.StripeClient, wanted: dict[str, Any]
) -> None:
    change(interval="year", quantity=3)

    response = change(**wanted)

    assert response.json["pending"]["plan"] == "pro"
    assert keys(account) == [("pro_year", 3)]


def test_a_downgrade_comes_into_force_when_the_period_ends(
    change: Post, client: Client, pro_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    change(plan="enterprise")
    change(plan="pro", quantity=2)
    schedule = account.v1.subscription_schedules.list().data[0]

    later = [(item.price, item.quantity) for item in schedule.phases[1].items]
    lookup = account.v1.prices.retrieve(str(later[0][0])).lookup_key

    assert (lookup, later[0][1]) == ("pro_month", 2)


def test_the_opposite_of_a_planned_downgrade_forgets_it(
    change: Post, account: stripe.StripeClient
) -> None:
    change(plan="enterprise")
    change(plan="pro")

    response = change(plan="enterprise")

    assert response.json["pending"] is None
    assert account.v1.subscription_schedules.list().data[0].status == "released"
    assert len(invoices(account, "subscription_update")) == 1


def test_a_downgrade_can_be_planned_again_after_it_was_taken_back(change: Post) -> None:
    """The second plan is no repeat of the first: its key must be another."""
    change(plan="enterprise")
    change(plan="pro")
    change(plan="enterprise")

    assert change(plan="pro").json["pending"]["plan"] == "pro"
