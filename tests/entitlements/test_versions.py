"""Whatever a standing is decided from changes its version, whoever writes it."""

from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.sql.visitors import iterate

from billing import clock
from billing.database import transaction
from billing.entitlements import facts
from billing.models import Invoice, StripeTestClock, User
from tests.support.factories import a_customer, a_plan, a_subscription, a_user, saved

NEVER_WRITTEN = {"users.id", "users.created_at", "stripe_customers.id", "stripe_test_clocks.id"}
THE_VERSION_ITSELF = {"users.standing_version", "plans_version.version"}
READ = {
    str(part)
    for part in iterate(facts._facts())
    if isinstance(part, sa.Column) and isinstance(part.table, sa.Table)
}
"""An alias reads columns of a table, which stands here under its own name."""


def a_subscriber(**customer: str) -> User:
    """Somebody about whom there is a row in every table that is read."""
    user = a_user()
    customer_id = a_customer(user, **customer).id
    a_subscription(user, a_plan("pro"))
    saved(
        Invoice(
            stripe_invoice_id=f"in_of_{customer_id}",
            stripe_customer_id=customer_id,
            currency="usd",
            total=100,
            amount_due=100,
            amount_paid=0,
            issued_at=clock.utc_now(),
        )
    )
    return user


@pytest.fixture
def user(app: Flask) -> User:
    a_plan("free")
    saved(StripeTestClock(id="clock_1"))
    return a_subscriber(test_clock_id="clock_1")


def write(statement: str, **values: object) -> None:
    with transaction() as session:
        session.execute(sa.text(statement), values)


def version(user_id: UUID) -> facts.Version | None:
    return facts.version_of(user_id)


@pytest.mark.parametrize("column", sorted(READ - NEVER_WRITTEN - THE_VERSION_ITSELF))
def test_a_write_to_what_is_read_changes_the_version(user: User, column: str):
    table, name = column.split(".")
    before = version(user.id)

    write(f"UPDATE {table} SET {name} = {name}")  # noqa: S608 - names of our own tables

    assert version(user.id) != before


@pytest.mark.parametrize("table", ["user_subscriptions", "invoices", "stripe_test_clocks"])
def test_a_row_that_goes_changes_the_version(user: User, table: str):
    before = version(user.id)

    write(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables

    assert version(user.id) != before


def test_a_row_that_comes_changes_the_version(user: User):
    seen = [version(user.id)]

    a_subscription(user, a_plan("pro"))
    seen.append(version(user.id))
    a_plan("enterprise")
    seen.append(version(user.id))

    assert len(set(seen)) == 3


def test_a_plan_that_goes_changes_the_version_of_everybody(user: User):
    a_plan("enterprise")
    before = version(user.id)

    write("DELETE FROM subscription_plans WHERE name = 'enterprise'")

    assert version(user.id) != before


def test_a_subscription_that_moves_changes_the_version_of_both(user: User):
    other = a_subscriber()
    before = version(user.id), version(other.id)

    write("UPDATE user_subscriptions SET user_id = NULL")

    after = version(user.id), version(other.id)
    assert [one == two for one, two in zip(before, after, strict=True)] == [False, False]


def test_what_concerns_somebody_else_changes_nothing(user: User):
    other = a_subscriber()
    before = version(user.id)

    a_subscription(other, a_plan("pro"))
    write("UPDATE users SET email = 'new@example.com' WHERE email = :email", email=other.email)
    write(
        "UPDATE invoices SET status = 'paid' WHERE stripe_customer_id IN "
        "(SELECT stripe_customer_id FROM users WHERE email = 'new@example.com')"
    )

    assert version(user.id) == before


def test_following_a_customer_alone_changes_nothing(user: User):
    before = version(user.id)

    write("UPDATE stripe_customers SET requested = requested + 1")

    assert version(user.id) == before


def test_a_transaction_that_is_rolled_back_leaves_the_version(user: User):
    before = version(user.id)

    with transaction() as session:
        session.execute(sa.text("UPDATE user_subscriptions SET status = 'unpaid'"))
        session.rollback()

    assert version(user.id) == before


def test_an_older_state_never_has_the_version_of_a_newer_one(user: User):
    """As after a restore: counting from the same number would come to the same numbers again."""
    write("UPDATE user_subscriptions SET status = 'unpaid'")
    first = version(user.id)
    write("UPDATE users SET standing_version = 0")

    write("UPDATE user_subscriptions SET status = 'active'")

    assert version(user.id) != first


def test_an_unknown_user_has_no_version(app: Flask):
    assert facts.version_of(uuid4()) is None
