"""Does a subscription end when its holder says so, and can that be taken back?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import stripe
from flask import Flask
from werkzeug.test import TestResponse

from billing import clock
from billing.emulator import Emulator
from billing.sales import endings
from billing.sales.endings import EndAt
from tests.support.factories import a_user, auth
from tests.support.requests import Client

CANCEL = "/v1/subscription/cancel"
RESUME = "/v1/subscription/resume"

Post = Callable[..., TestResponse]


@pytest.fixture
def post(client: Client, pro_id: UUID) -> Post:
    """Post as the user who has pro."""
    return lambda path, **body: client.post(path, json=body, headers=auth(pro_id))


def bought(account: stripe.StripeClient) -> stripe.Subscription:
    """The one subscription at Stripe."""
    (one,) = account.v1.subscriptions.list({"status": "all"}).data
    return one


def test_cancelled_it_lasts_until_the_end_of_its_period(
    post: Post, account: stripe.StripeClient
) -> None:
    response = post(CANCEL)

    assert (response.status_code, response.json["plan"]) == (200, "pro")
    assert response.json["until"] == response.json["period"]["end"]
    assert bought(account).cancel_at_period_end is True


def test_cancelled_now_it_is_over(post: Post, account: stripe.StripeClient) -> None:
    response = post(CANCEL, at="now")

    assert (response.json["plan"], response.json["reason"]) == ("free", "ended")
    assert bought(account).status == "canceled"


def test_cancelled_twice_it_ends_once(post: Post, account: stripe.StripeClient) -> None:
    post(CANCEL)
    asked_at = bought(account).canceled_at

    assert post(CANCEL).status_code == 200
    assert bought(account).canceled_at == asked_at


def test_what_has_ended_cannot_be_cancelled(post: Post) -> None:
    post(CANCEL, at="now")

    response = post(CANCEL, at="now")

    assert (response.status_code, response.json["code"]) == (409, "no_subscription")


def test_cancelled_and_resumed_at_once_leaves_one_of_both(
    app: Flask, pro_id: UUID, account: stripe.StripeClient
) -> None:
    def call(number: int) -> None:
        with app.app_context():
            (endings.cancel if number % 2 else endings.resume)(pro_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(6)))

    one = bought(account)
    assert one.status == "active"
    assert one.cancel_at_period_end is (one.cancel_at is not None)


def test_resumed_it_goes_on(post: Post, account: stripe.StripeClient) -> None:
    post(CANCEL)

    response = post(RESUME)

    assert (response.status_code, response.json["until"]) == (200, None)
    assert bought(account).cancel_at is None


def test_an_end_planned_without_the_period_is_taken_back_too(
    post: Post, account: stripe.StripeClient
) -> None:
    """The portal plans the end of a flexible subscription by `cancel_at` alone."""
    end = bought(account)["items"].data[0].current_period_end
    account.v1.subscriptions.update(bought(account).id, {"cancel_at": end})

    assert post(RESUME).json["cancel_at"] is None
    assert bought(account).cancel_at is None


def test_it_can_be_cancelled_again_after_it_was_resumed(
    post: Post, account: stripe.StripeClient
) -> None:
    """The second time is no repeat of the first: its key must be another."""
    post(CANCEL)
    post(RESUME)
    post(CANCEL)
    post(RESUME)

    assert post(CANCEL).json["cancel_at"] is not None
    assert bought(account).cancel_at_period_end is True


def test_cancelling_forgets_a_planned_downgrade(post: Post, account: stripe.StripeClient) -> None:
    post("/v1/subscription/change", plan="enterprise")
    post("/v1/subscription/change", plan="pro")

    response = post(CANCEL)

    assert (response.json["plan"], response.json["pending"]) == ("enterprise", None)
    assert bought(account).schedule is None
    assert bought(account).cancel_at_period_end is True


def test_resuming_forgets_a_planned_downgrade(post: Post, account: stripe.StripeClient) -> None:
    post("/v1/subscription/change", plan="enterprise")
    post("/v1/subscription/change", plan="pro")

    assert post(RESUME).json["pending"] is None
    assert bought(account).schedule is None


def test_with_nothing_to_take_back_resuming_changes_nothing(post: Post, emulator: Emulator) -> None:
    before = len([one for one in emulator.requests if one[0] == "POST"])

    assert post(RESUME).status_code == 200
    assert len([one for one in emulator.requests if one[0] == "POST"]) == before


def test_a_pause_is_understood_and_ended(post: Post, account: stripe.StripeClient) -> None:
    account.v1.subscriptions.pause(bought(account).id, {"type": "subscription"})

    response = post(RESUME)

    assert (response.json["plan"], response.json["status"]) == ("pro", "active")


def test_a_crash_after_stripe_has_done_it_is_healed_by_asking_again(
    post: Post, account: stripe.StripeClient, emulator: Emulator
) -> None:
    emulator.faults.api_lost = 5
    post(CANCEL)
    emulator.faults.api_lost = 0

    assert post(CANCEL).json["cancel_at"] is not None
    assert bought(account).cancel_at_period_end is True


def test_a_stale_read_of_ours_does_not_decide(post: Post, account: stripe.StripeClient) -> None:
    """It ended at Stripe, and we have not heard of it."""
    account.v1.subscriptions.cancel(bought(account).id)

    assert post(CANCEL).json["code"] == "no_subscription"


def test_somebody_elses_subscription_is_out_of_reach(
    client: Client, pro_id: UUID, account: stripe.StripeClient
) -> None:
    stranger = auth(a_user(email="stranger@example.com").id)

    answers = [client.post(path, json={}, headers=stranger) for path in (CANCEL, RESUME)]

    assert [one.json["code"] for one in answers] == ["no_subscription"] * 2
    assert bought(account).cancel_at is None


def test_another_moment_is_refused(post: Post, account: stripe.StripeClient) -> None:
    response = post(CANCEL, at="tomorrow")

    assert (response.status_code, response.json["code"]) == (422, "invalid")
    assert bought(account).cancel_at is None


def test_the_moment_of_the_end_is_stripes(pro_id: UUID, account: stripe.StripeClient) -> None:
    endings.cancel(pro_id, EndAt.PERIOD_END)

    end = bought(account)["items"].data[0].current_period_end
    assert clock.from_unix(bought(account).cancel_at or 0) == clock.from_unix(end)
