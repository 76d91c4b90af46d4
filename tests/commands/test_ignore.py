"""`flask billing ignore`: a shared account, and what is not ours in it."""

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask

from billing.database import reading
from billing.emulator import Emulator
from billing.models import Change, IgnoredObject, UserSubscription
from tests.support.company import Company
from tests.support.factories import a_plan


@pytest.fixture
def hosting(app: Flask, emulator: Emulator) -> stripe.Subscription:
    """A subscription to another product whose price names our plan by mistake."""
    a_plan("pro")
    company = Company(emulator)
    product = company.stripe.v1.products.create({"name": "Hosting", "metadata": {"plan": "pro"}})
    price = company.stripe.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
        }
    )
    return company.subscribe(company.customer(), price.id)


def run(app: Flask, *words: str, input: str = "") -> str:
    return app.test_cli_runner().invoke(args=["billing", *words], input=input).output


def stored() -> tuple[bool, bool]:
    """Whether the subscription is ours, and whether it has a plan."""
    with reading() as session:
        row = session.scalars(sa.select(UserSubscription)).one()
        return row.is_ours, row.plan_id is not None


def product_of(subscription: stripe.Subscription) -> str:
    return str(subscription["items"].data[0].price.product)


def test_an_ignored_product_beats_its_mapping_and_can_be_taken_back(
    app: Flask, hosting: stripe.Subscription
) -> None:
    run(app, "refresh", str(hosting.customer))
    before = stored()

    output = run(app, "ignore", "product", product_of(hosting), "--yes")
    ignored = stored()
    run(app, "ignore", "product", product_of(hosting), "--undo", "--yes")

    assert hosting.id in output
    assert (before, ignored, stored()) == ((True, True), (False, False), (True, True))


def test_without_consent_nothing_is_ignored(app: Flask, hosting: stripe.Subscription) -> None:
    run(app, "refresh", str(hosting.customer))

    run(app, "ignore", "product", product_of(hosting), input="n\n")

    with reading() as session:
        assert session.scalars(sa.select(IgnoredObject)).all() == []
    assert stored() == (True, True)


def test_who_ignored_what_is_in_the_change_log(app: Flask, hosting: stripe.Subscription) -> None:
    run(app, "ignore", "product", product_of(hosting), "--yes")

    with reading() as session:
        change = session.scalars(sa.select(Change).where(Change.field == "is_ignored")).one()
    assert (change.stripe_id, change.after, change.cause) == (
        product_of(hosting),
        True,
        "operator",
    )
