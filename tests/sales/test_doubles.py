"""Is a second live subscription seen, reported, and ended only where it should be?"""

from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.entitlements import increment_usage
from billing.models import CheckoutState, Drift, Metric, OpenCheckout
from billing.sales.buyers import buyer
from billing.sales.checkout import open_checkout
from billing.sales.truth import catch_up
from billing.stripe_sync.healing import surplus
from billing.stripe_sync.subjects import Part
from config import Config, OnDouble
from tests.support.factories import auth
from tests.support.live import pay
from tests.support.requests import Client


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, on_double=OnDouble.CANCEL)


@pytest.fixture
def doubled_id(shop: None, user_id: UUID) -> UUID:
    """Somebody who paid two checkouts in two windows at the same time."""
    first = open_checkout(user_id, "pro")
    with transaction() as session:
        session.execute(sa.update(OpenCheckout).values(state=CheckoutState.EXPIRED))
    second = open_checkout(user_id, "enterprise")
    pay(first.url)
    pay(second.url)
    catch_up(str(buyer(user_id).stripe_customer_id), *Part)
    return user_id


def live(account: stripe.StripeClient) -> list[str]:
    """The plans that are paid for at Stripe."""
    found = account.v1.subscriptions.list().data
    return [str(one["items"].data[0].price.lookup_key) for one in found]


def reported() -> list[str]:
    with reading() as session:
        kinds = session.scalars(sa.select(Drift.kind).where(Drift.resolved_at.is_(None)))
        return [str(kind) for kind in kinds]


def settle() -> None:
    for step in surplus.steps():
        step()


def test_two_live_subscriptions_are_reported_and_the_higher_one_counts(
    client: Client, doubled_id: UUID
) -> None:
    assert reported() == ["two_live_subscriptions"]
    assert client.get("/v1/subscription/me", headers=auth(doubled_id)).json["plan"] == "enterprise"


def test_the_newer_one_is_ended_and_the_report_closed(
    doubled_id: UUID, account: stripe.StripeClient
) -> None:
    settle()

    assert live(account) == ["pro_month"]
    assert reported() == []


def test_settled_twice_one_is_left(doubled_id: UUID, account: stripe.StripeClient) -> None:
    settle()
    settle()

    assert live(account) == ["pro_month"]


def test_one_that_was_used_is_left_alone(doubled_id: UUID, account: stripe.StripeClient) -> None:
    increment_usage(doubled_id, Metric.JOBS_CREATED)

    settle()

    assert len(live(account)) == 2


def test_one_that_is_over_an_hour_old_is_left_alone(
    doubled_id: UUID, account: stripe.StripeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surplus, "YOUNG", surplus.YOUNG * 0)

    settle()

    assert len(live(account)) == 2


def test_one_that_our_checkout_did_not_sell_is_left_alone(
    doubled_id: UUID, account: stripe.StripeClient
) -> None:
    with transaction() as session:
        session.execute(sa.update(OpenCheckout).values(stripe_subscription_id=None))

    settle()

    assert len(live(account)) == 2


def test_a_stale_read_of_ours_ends_nothing(
    doubled_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    """The older one ended at Stripe meanwhile: the newer one is all the customer has."""
    older = account.v1.subscriptions.list().data[-1]
    account.v1.subscriptions.cancel(older.id)

    settle()

    assert live(account) == ["enterprise_month"]


class TestByDefault:
    """Nothing is ended unless the operator wants it so."""

    @pytest.fixture
    def config(self, config: Config) -> Config:
        return replace(config, on_double=OnDouble.REPORT)

    def test_it_is_reported_and_left_alone(
        self, doubled_id: UUID, account: stripe.StripeClient
    ) -> None:
        settle()

        assert reported() == ["two_live_subscriptions"]
        assert len(live(account)) == 2
