"""Is every way to differ from Stripe named, and mended?"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import clock
from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.errors import StripeUnavailable
from billing.models import (
    ActiveEntitlement,
    Drift,
    DriftKind,
    PlanPrice,
    ReconcileRun,
    SubscriptionItem,
    SubscriptionPlan,
    User,
    UserSubscription,
)
from billing.stripe_sync.healing import reconcile
from billing.stripe_sync.healing.reconcile import Phase, Report
from tests.support.company import Company
from tests.support.factories import a_subscription, a_user


@pytest.fixture
def company(app: Flask, emulator: Emulator) -> Company:
    company = Company(emulator)
    company.open()
    return company


@pytest.fixture
def user_ids(app: Flask) -> list[UUID]:
    return [a_user().id for _ in range(4)]


@pytest.fixture
def imported(company: Company, user_ids: list[UUID]) -> list[str]:
    """Four subscriptions of four linked users, imported; the ids."""
    price = company.price("pro_month")
    for user_id in user_ids:
        company.subscribe(company.customer(str(user_id)), price)
    reconcile.reconcile(fix=True)
    return [subscription.id for subscription in company.subscriptions]


def kinds(report: Report) -> list[tuple[str, str]]:
    return sorted((finding.kind.value, finding.stripe_id) for finding in report.found)


def set_columns(subscription_id: str, **values: object) -> None:
    """Damage a row behind everybody's back."""
    with transaction() as session:
        session.execute(
            sa.update(UserSubscription)
            .where(UserSubscription.stripe_subscription_id == subscription_id)
            .values(**values)
        )


def delete_row(subscription_id: str) -> None:
    with transaction() as session:
        session.execute(
            sa.delete(UserSubscription).where(
                UserSubscription.stripe_subscription_id == subscription_id
            )
        )


def plan_id(name: str) -> UUID:
    with reading() as session:
        return session.scalars(
            sa.select(SubscriptionPlan.id).where(SubscriptionPlan.name == name)
        ).one()


def test_an_account_is_imported_from_empty_and_stripe_is_only_read(
    company: Company, emulator: Emulator, user_ids: list[UUID]
) -> None:
    price = company.price("pro_month")
    for user_id in user_ids:
        company.subscribe(company.customer(str(user_id)), price)
    asked = len(emulator.requests)

    report = reconcile.reconcile(fix=True)

    with reading() as session:
        stored = session.execute(
            sa.select(UserSubscription.user_id, UserSubscription.status, UserSubscription.confirmed)
        ).all()
    assert sorted(row.user_id for row in stored) == sorted(user_ids)
    assert {(row.status, row.confirmed) for row in stored} == {("active", True)}
    assert report.by_kind == {"missing_local": 4}
    assert report.left == []
    assert {request[0] for request in emulator.requests[asked:]} == {"GET"}


def test_a_dry_run_tells_and_changes_nothing(company: Company) -> None:
    company.subscribe(company.customer(), company.price("pro_month"))

    report = reconcile.reconcile(fix=False)

    assert report.by_kind == {"missing_local": 1}
    assert len(report.left) == 1
    with reading() as session:
        assert session.scalars(sa.select(UserSubscription)).all() == []


def test_what_is_right_is_not_reported(imported: list[str]) -> None:
    report = reconcile.reconcile(fix=False)

    assert report.found == []
    assert report.compared > len(imported)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        pytest.param("missing_local", delete_row, id="missing_local"),
        pytest.param("status", lambda one: set_columns(one, status="past_due"), id="status"),
        pytest.param("status", lambda one: set_columns(one, status="canceled"), id="ended here"),
        pytest.param(
            "plan", lambda one: set_columns(one, plan_id=plan_id("enterprise")), id="plan"
        ),
        pytest.param("quantity", lambda one: set_columns(one, quantity=7), id="quantity"),
        pytest.param(
            "period",
            lambda one: set_columns(
                one,
                current_period_end=UserSubscription.current_period_start,
            ),
            id="period",
        ),
        pytest.param(
            "cancel", lambda one: set_columns(one, cancel_at_period_end=True), id="cancel"
        ),
        pytest.param("details", lambda one: set_columns(one, pause_collection="void"), id="pause"),
    ],
)
def test_a_damaged_subscription_is_named_by_kind_and_mended(
    imported: list[str], kind: str, damage: Callable[[str], None]
) -> None:
    damage(imported[1])

    told = reconcile.reconcile(fix=False)
    mended = reconcile.reconcile(fix=True)
    after = reconcile.reconcile(fix=False)

    assert kinds(told) == [(kind, imported[1])]
    assert mended.left == []
    assert after.found == []


def test_a_subscription_that_stripe_never_had_is_named_and_ended(
    app: Flask, imported: list[str]
) -> None:
    with reading() as session:
        customer_id = session.scalars(sa.select(UserSubscription.stripe_customer_id)).first()
    ghost = a_subscription(stripe_customer_id=customer_id, plan=None).stripe_subscription_id
    set_columns(ghost, plan_id=plan_id("pro"))

    told = reconcile.reconcile(fix=False)
    mended = reconcile.reconcile(fix=True)

    assert ("missing_remote", ghost) in kinds(told)
    assert ("missing_remote", ghost) not in [(f.kind.value, f.stripe_id) for f in mended.left]
    with reading() as session:
        assert (
            session.scalars(
                sa.select(UserSubscription.status).where(
                    UserSubscription.stripe_subscription_id == ghost
                )
            ).one()
            == "canceled"
        )


def test_a_lost_link_is_named_and_made_again(imported: list[str], user_ids: list[UUID]) -> None:
    with transaction() as session:
        session.execute(
            sa.update(User).where(User.id == user_ids[0]).values(stripe_customer_id=None)
        )
        session.execute(
            sa.update(UserSubscription)
            .where(UserSubscription.user_id == user_ids[0])
            .values(user_id=None)
        )

    told = reconcile.reconcile(fix=False)
    reconcile.reconcile(fix=True)

    assert "unlinked" in told.by_kind
    assert reconcile.reconcile(fix=False).found == []


def test_a_link_that_contradicts_the_metadata_is_told_and_left_to_a_person(
    imported: list[str], user_ids: list[UUID], company: Company
) -> None:
    other = company.customer(str(user_ids[0]))

    told = reconcile.reconcile(fix=True)

    assert kinds(told) == [("link_conflict", other)]
    assert [finding.kind for finding in told.left] == [DriftKind.LINK_CONFLICT]


def test_two_live_subscriptions_of_one_customer_are_told(
    imported: list[str], company: Company
) -> None:
    customer = company.subscriptions[0].customer
    company.subscribe(str(customer), company.price("enterprise_month"))
    reconcile.reconcile(fix=True)

    report = reconcile.reconcile(fix=False)

    assert kinds(report) == [("two_live_subscriptions", str(customer))]


def test_a_price_that_no_plan_knows_is_told_until_it_is_mapped(
    imported: list[str], company: Company
) -> None:
    product = company.stripe.v1.products.create({"name": "Something"})
    price = company.stripe.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 100,
            "recurring": {"interval": "month"},
        }
    )
    company.subscribe(company.customer(), price.id)
    reconcile.reconcile(fix=True)

    told = reconcile.reconcile(fix=False)

    assert ("unmapped_price", price.id) in kinds(told)


def test_a_price_edited_at_stripe_without_an_event_is_followed(
    imported: list[str], company: Company
) -> None:
    price = company.price("pro_year")
    company.stripe.v1.prices.update(price, {"active": False})

    told = reconcile.reconcile(fix=True)

    assert kinds(told) == [("price", price)]
    with reading() as session:
        row = session.execute(
            sa.select(PlanPrice.active).where(PlanPrice.stripe_price_id == price)
        ).one()
    assert row.active is False


def test_entitlements_that_differ_are_named_and_replaced(
    imported: list[str], company: Company
) -> None:
    customer = str(company.subscriptions[0].customer)
    mine = ActiveEntitlement.stripe_customer_id == customer
    with transaction() as session:
        held = sorted(session.scalars(sa.select(ActiveEntitlement.lookup_key).where(mine)))
        session.execute(sa.delete(ActiveEntitlement).where(mine))

    told = reconcile.reconcile(fix=True)
    after = reconcile.reconcile(fix=False)

    assert kinds(told) == [("entitlement", customer)]
    assert after.found == []
    with reading() as session:
        assert sorted(session.scalars(sa.select(ActiveEntitlement.lookup_key).where(mine))) == held
        assert held


def test_what_is_found_no_more_is_resolved(imported: list[str]) -> None:
    set_columns(imported[0], quantity=7)
    reconcile.reconcile(fix=False)
    set_columns(imported[0], quantity=1)

    reconcile.reconcile(fix=False)

    with reading() as session:
        resolved = sa.select(Drift.resolved_at).where(Drift.kind == DriftKind.QUANTITY)
        assert session.scalars(resolved).one() is not None


def test_items_follow_their_subscription(imported: list[str]) -> None:
    delete_row(imported[2])
    reconcile.reconcile(fix=True)

    with reading() as session:
        count = session.scalar(sa.select(sa.func.count()).select_from(SubscriptionItem))
    assert count == len(imported)


class CutOff(Exception):
    """Stands for kill -9."""


def cut_off_after(pages: int) -> Callable[[Phase, Report], None]:
    seen: list[Phase] = []

    def on_page(phase: Phase, report: Report) -> None:
        seen.append(phase)
        if len(seen) == pages:
            raise CutOff

    return on_page


def test_cut_off_it_goes_on_behind_what_was_compared(
    imported: list[str], emulator: Emulator
) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))
    asked = len(emulator.requests)

    report = reconcile.reconcile(fix=False)

    assert report.resumed
    lists = [request for request in emulator.requests[asked:] if request[1] == "/v1/subscriptions"]
    assert lists[0][2]["starting_after"] == imported[0]


def test_a_cursor_that_stripe_no_longer_knows_begins_the_phase_again(
    imported: list[str],
) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))
    with transaction() as session:
        session.execute(sa.update(ReconcileRun).values(cursor="sub_gone"))

    assert reconcile.reconcile(fix=False).found == []


def test_asked_to_restart_it_begins_anew(imported: list[str]) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))

    assert not reconcile.reconcile(fix=False, restart=True).resumed


def test_a_run_cut_off_long_ago_is_not_resumed(imported: list[str]) -> None:
    with pytest.raises(CutOff):
        reconcile.reconcile(fix=False, on_page=cut_off_after(1))
    with transaction() as session:
        session.execute(
            sa.update(ReconcileRun).values(updated_at=clock.utc_now() - timedelta(days=2))
        )

    assert not reconcile.reconcile(fix=False).resumed


def test_when_stripe_fails_for_good_it_says_so_and_can_go_on(
    imported: list[str], emulator: Emulator
) -> None:
    emulator.faults.api_status = [401]

    with pytest.raises(StripeUnavailable):
        reconcile.reconcile(fix=False)

    assert reconcile.reconcile(fix=False).found == []


@pytest.fixture
def large(company: Company) -> Company:
    """A thousand subscriptions."""
    price = company.price("pro_month")
    for _ in range(1000):
        company.subscribe(company.customer(), price)
    return company


DAMAGES: list[Callable[[str], None]] = [
    delete_row,
    lambda one: set_columns(one, status="past_due"),
    lambda one: set_columns(one, status="canceled"),
    lambda one: set_columns(one, plan_id=plan_id("enterprise")),
    lambda one: set_columns(one, quantity=9),
    lambda one: set_columns(one, current_period_end=UserSubscription.current_period_start),
    lambda one: set_columns(one, cancel_at_period_end=True),
    lambda one: set_columns(one, pause_collection="void"),
    lambda one: set_columns(one, stripe_price_id="price_other"),
    lambda one: set_columns(one, cancelled_at=UserSubscription.started_at),
]


@pytest.mark.long
class TestAThousand:
    """The account of a real company, on PostgreSQL."""

    @pytest.fixture
    def database(self, postgresql_database: str) -> str:
        return postgresql_database

    def test_a_thousand_are_imported_and_fifty_damaged_are_named_and_mended(
        self, large: Company
    ) -> None:
        with pytest.raises(CutOff):
            reconcile.reconcile(fix=True, on_page=cut_off_after(5))
        resumed = reconcile.reconcile(fix=True)
        assert resumed.resumed
        with reading() as session:
            count = session.scalar(sa.select(sa.func.count()).select_from(UserSubscription))
        assert count == 1000

        damaged = {one.id: DAMAGES[n % 10] for n, one in enumerate(large.subscriptions[::20])}
        for subscription_id, damage in damaged.items():
            damage(subscription_id)
        told = reconcile.reconcile(fix=True)

        mendable = [finding for finding in told.found if finding.subject is not None]
        assert {finding.stripe_id for finding in mendable} == set(damaged)
        assert [finding for finding in told.left if finding.subject is not None] == []
        after = reconcile.reconcile(fix=False)
        assert {finding.kind for finding in after.found} == {DriftKind.UNLINKED}
