"""Is every way to differ from Stripe named, and mended?"""

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.models import (
    ActiveEntitlement,
    Drift,
    DriftKind,
    PlanPrice,
    SubscriptionItem,
    User,
    UserSubscription,
)
from billing.stripe_sync.healing import reconcile
from billing.stripe_sync.healing.reconcile import Report
from tests.support.company import Company
from tests.support.damage import delete_row, plan_id, set_columns
from tests.support.factories import a_subscription


def kinds(report: Report) -> list[tuple[str, str]]:
    return sorted((finding.kind.value, finding.stripe_id) for finding in report.found)


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
