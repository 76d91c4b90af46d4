"""A user's standing is read in one statement, at the moment in which its customer lives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask

from billing import create_app, entitlements
from billing.database import db
from billing.entitlements import standing_of
from billing.errors import NotFound
from billing.models import StripeTestClock
from tests.support.factories import (
    a_customer,
    a_plan,
    a_subscription,
    a_user,
    saved,
)
from tests.support.statements import counted

NOON = datetime(2031, 5, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _free(app: Flask) -> None:
    a_plan("free")


def test_a_new_user_is_on_the_free_plan():
    user = a_user()

    assert entitlements.get_user_plan(user.id).name == "free"
    assert entitlements.get_user_subscription(user.id) is None


def test_a_subscriber_is_on_the_plan_of_the_subscription():
    user = a_user()
    held = a_subscription(user, a_plan("pro", features={"exports": True, "sso": False}))

    assert entitlements.get_user_plan(user.id).name == "pro"
    assert entitlements.get_user_subscription(user.id).id == held.id


def test_a_feature_is_had_if_the_plan_gives_it():
    user = a_user()
    a_subscription(user, a_plan("pro", features={"exports": True, "sso": False}))

    given = [entitlements.has_feature(user.id, name) for name in ("exports", "sso", "audit")]

    assert given == [True, False, False]


def test_the_multiplier_is_that_of_the_plan():
    user = a_user()
    a_subscription(user, a_plan("pro", rate_limit_multiplier=2.5))

    assert entitlements.get_rate_limit_multiplier(user.id) == 2.5


def test_a_plan_no_longer_sold_still_gives_its_holders_everything():
    user = a_user()
    a_subscription(user, a_plan("pro", is_active=False, features={"exports": True}))

    assert entitlements.has_feature(user.id, "exports")


def test_one_statement_reads_it_all_with_several_subscriptions():
    user = a_user()
    a_subscription(user, a_plan("pro"))
    a_subscription(user, a_plan("enterprise"), held_plan_id=a_plan("pro").id)
    a_subscription(user, None, status="canceled")
    user_id = user.id

    with counted() as sent:
        standing = standing_of(user_id)

    assert len(sent) == 1
    assert standing.plan.name == "enterprise"
    assert len(standing.subscriptions) == 3


def test_the_plan_held_before_speaks_for_an_unmapped_price():
    user = a_user()
    a_subscription(user, None, held_plan_id=a_plan("pro").id)

    standing = standing_of(user.id)

    assert (standing.plan.name, standing.access.reason) == ("pro", "unmapped_price")


def test_another_users_subscription_is_never_seen():
    a_subscription(a_user(), a_plan("pro"))

    assert standing_of(a_user().id).plan.name == "free"


def test_an_unknown_user_is_not_found():
    with pytest.raises(NotFound):
        standing_of(uuid4())


def test_what_is_shown_is_confirmed_once_every_subscription_is():
    user = a_user()
    a_subscription(user, a_plan("pro"), as_of=NOON)
    a_subscription(user, a_plan("pro"), as_of=NOON - DAY, confirmed=False)

    standing = standing_of(user.id)

    assert (standing.confirmed, standing.as_of) == (False, NOON)


def test_without_a_subscription_there_is_nothing_to_confirm():
    standing = standing_of(a_user().id)

    assert (standing.confirmed, standing.as_of) == (True, None)


def a_late_payer_on_a_test_clock():
    user = a_user()
    saved(StripeTestClock(id="clock_1", frozen_at=NOON))
    a_customer(user, test_clock_id="clock_1")
    a_subscription(user, a_plan("pro"), status="past_due", past_due_since=NOON - DAY)
    return user


def test_in_test_mode_the_moment_is_that_of_the_customers_test_clock():
    user = a_late_payer_on_a_test_clock()

    standing = standing_of(user.id)

    assert standing.moment == NOON
    assert standing.access.until == NOON + 6 * DAY


def test_live_mode_ignores_a_test_clock(app: Flask, config):
    user_id = a_late_payer_on_a_test_clock().id
    live = replace(config, stripe_secret_key="sk_live_made_up_for_tests")

    with create_app(live).app_context():
        moment = standing_of(user_id).moment
        db.engine.dispose()

    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=1)


def test_within_one_request_the_standing_is_read_once(app: Flask):
    user_id = a_user().id

    with app.test_request_context(), counted() as sent:
        standing_of(user_id)
        entitlements.has_feature(user_id, "exports")

    assert len(sent) == 1


def test_a_request_that_changes_something_can_forget(app: Flask):
    user = a_user()

    with app.test_request_context():
        before = entitlements.get_user_plan(user.id).name
        a_subscription(user, a_plan("pro"))
        entitlements.forget_standings()
        after = entitlements.get_user_plan(user.id).name

    assert (before, after) == ("free", "pro")
