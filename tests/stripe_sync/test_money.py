"""What becomes of access when money goes back, and what is the customer told to do?"""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import requests
import sqlalchemy as sa
from flask import Flask

from billing.database import reading
from billing.emulator import Emulator
from billing.entitlements import standing_of
from billing.models import Change, Invoice, StripeCharge, UserSubscription
from billing.settings import EXTENSION
from config import Config
from tests.support.company import Company
from tests.support.factories import a_user, auth
from tests.support.live import Shopkeeper
from tests.support.requests import Client


@pytest.fixture
def company(shop: None, service: str, emulator: Emulator) -> Company:
    return Company(emulator)


@pytest.fixture
def user_id(shop: None) -> UUID:
    return a_user().id


@pytest.fixture
def charge(company: Company, emulator: Emulator, user_id: UUID) -> str:
    """The charge that paid for the user's subscription."""
    company.subscribe(company.customer(str(user_id)), company.price("pro_month"))
    assert emulator.wait_idle()
    return company.stripe.v1.charges.list().data[0].id


@pytest.fixture
def suspending(app: Flask, config: Config) -> None:
    app.extensions[EXTENSION] = replace(config, suspend_on_dispute=True)


def control(emulator: Emulator, path: str, **body: str) -> dict[str, Any]:
    """Let the cardholder, or the bank, act."""
    answer = requests.post(f"{emulator.url}/_emulator/{path}", json=body, timeout=20)
    assert answer.ok, answer.text
    assert emulator.wait_idle()
    told: dict[str, Any] = answer.json()
    return told


def plan_and_reason(user_id: UUID) -> tuple[str, str]:
    standing = standing_of(user_id)
    return standing.plan.name, standing.access.reason.value


def stored_charge() -> Any:
    with reading() as session:
        return session.execute(
            sa.select(
                StripeCharge.is_disputed,
                StripeCharge.dispute_status,
                StripeCharge.is_refunded,
                StripeCharge.is_warned_of,
                StripeCharge.stripe_subscription_id,
            )
        ).one()


def test_a_dispute_is_flagged_on_the_subscription_that_the_money_paid_for(
    emulator: Emulator, company: Company, user_id: UUID, charge: str
) -> None:
    control(emulator, "disputes", charge=charge)

    assert stored_charge().dispute_status == "needs_response"
    with reading() as session:
        flagged = session.execute(
            sa.select(UserSubscription.stripe_subscription_id).where(UserSubscription.is_disputed)
        ).scalars()
        assert list(flagged) == [company.subscriptions[0].id]
    assert plan_and_reason(user_id) == ("pro", "active")


@pytest.mark.usefixtures("suspending")
def test_by_setting_a_dispute_suspends_until_it_is_won(
    emulator: Emulator, user_id: UUID, charge: str
) -> None:
    dispute = control(emulator, "disputes", charge=charge)
    suspended = plan_and_reason(user_id)

    control(emulator, f"disputes/{dispute['id']}", status="won")

    assert suspended == ("free", "disputed")
    assert plan_and_reason(user_id) == ("pro", "active")


@pytest.mark.usefixtures("suspending")
@pytest.mark.parametrize(
    ("status", "plan"),
    [("under_review", "free"), ("lost", "free"), ("warning_closed", "pro"), ("prevented", "pro")],
)
def test_the_end_of_a_dispute_decides(
    emulator: Emulator, user_id: UUID, charge: str, status: str, plan: str
) -> None:
    dispute = control(emulator, "disputes", charge=charge)

    control(emulator, f"disputes/{dispute['id']}", status=status)

    assert plan_and_reason(user_id)[0] == plan


@pytest.mark.usefixtures("suspending")
def test_a_dispute_that_comes_before_its_subscription_is_not_forgotten(
    emulator: Emulator, company: Company, user_id: UUID
) -> None:
    emulator.faults.hold = True
    company.subscribe(company.customer(str(user_id)), company.price("pro_month"))
    charge = company.stripe.v1.charges.list().data[0].id
    emulator.discard()
    emulator.faults.hold = False
    control(emulator, "disputes", charge=charge)

    company.stripe.v1.subscriptions.update(
        company.subscriptions[0].id, {"metadata": {"seen": "late"}}
    )
    assert emulator.wait_idle()

    assert plan_and_reason(user_id) == ("free", "disputed")


def test_the_flag_is_written_down_as_a_change(
    emulator: Emulator, user_id: UUID, charge: str
) -> None:
    control(emulator, "disputes", charge=charge)

    with reading() as session:
        change = session.execute(
            sa.select(Change.before, Change.after, Change.user_id).where(
                Change.field == "is_disputed"
            )
        ).one()
    assert tuple(change) == (False, True, user_id)


@pytest.mark.usefixtures("suspending")
def test_a_full_refund_is_flagged_and_ends_nothing(
    emulator: Emulator, company: Company, user_id: UUID, charge: str
) -> None:
    company.stripe.v1.refunds.create({"charge": charge})
    assert emulator.wait_idle()

    assert stored_charge().is_refunded
    assert plan_and_reason(user_id) == ("pro", "active")


def test_a_partial_refund_is_not_a_full_one(
    emulator: Emulator, company: Company, charge: str
) -> None:
    company.stripe.v1.refunds.create({"charge": charge, "amount": 100})
    assert emulator.wait_idle()

    assert not stored_charge().is_refunded


def test_an_early_fraud_warning_is_flagged(emulator: Emulator, user_id: UUID, charge: str) -> None:
    control(emulator, "early_fraud_warnings", charge=charge)

    assert stored_charge().is_warned_of
    assert plan_and_reason(user_id) == ("pro", "active")


def test_one_customers_dispute_leaves_the_others_alone(
    emulator: Emulator, company: Company, user_id: UUID, charge: str
) -> None:
    other = a_user().id
    company.subscribe(company.customer(str(other)), company.price("pro_month"))

    control(emulator, "disputes", charge=charge)

    with reading() as session:
        flagged = session.scalars(
            sa.select(UserSubscription.user_id).where(UserSubscription.is_disputed)
        ).all()
    assert flagged == [user_id]


class TestAction:
    """`/me` says what an unpaid invoice needs of the customer."""

    @pytest.fixture
    def shopkeeper(self, company: Company, emulator: Emulator) -> Shopkeeper:
        return Shopkeeper(emulator, 1_800_000_000)

    def fail_renewal(
        self, company: Company, shopkeeper: Shopkeeper, user_id: UUID, card: str
    ) -> str:
        """Subscribe on a test clock, change to a bad card, and let a month pass."""
        customer = shopkeeper.customer_on_clock(str(user_id), "a@example.com")
        good = company.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
        company.stripe.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": good.id}}
        )
        made = company.subscribe(customer, company.price("pro_month"))
        bad = company.stripe.v1.payment_methods.attach(card, {"customer": customer})
        company.stripe.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": bad.id}}
        )
        shopkeeper.travel_to(made["items"].data[0].current_period_end + 7200)
        return customer

    @pytest.mark.parametrize(
        ("card", "kind"),
        [
            ("pm_card_chargeCustomerFail", "update_card"),
            ("pm_card_authenticationRequired", "confirm"),
        ],
    )
    def test_a_failed_renewal_says_what_to_do_and_where(
        self,
        client: Client,
        company: Company,
        shopkeeper: Shopkeeper,
        user_id: UUID,
        card: str,
        kind: str,
    ) -> None:
        self.fail_renewal(company, shopkeeper, user_id, card)

        shown = client.get("/v1/subscription/me", headers=auth(user_id)).json

        assert shown["action"]["kind"] == kind
        assert shown["action"]["url"].startswith("http")
        assert shown["action"]["due_at"] is not None

    def test_it_is_gone_once_the_invoice_is_paid(
        self,
        client: Client,
        company: Company,
        shopkeeper: Shopkeeper,
        emulator: Emulator,
        user_id: UUID,
    ) -> None:
        customer = self.fail_renewal(company, shopkeeper, user_id, "pm_card_chargeCustomerFail")
        owed = company.stripe.v1.invoices.list({"customer": customer, "status": "open"}).data[0]

        company.stripe.v1.invoices.pay(owed.id, {"payment_method": "pm_card_visa"})
        assert emulator.wait_idle()

        assert client.get("/v1/subscription/me", headers=auth(user_id)).json["action"] is None

    def test_it_is_gone_even_if_the_event_of_the_payment_was_lost(
        self,
        client: Client,
        company: Company,
        shopkeeper: Shopkeeper,
        emulator: Emulator,
        user_id: UUID,
    ) -> None:
        customer = self.fail_renewal(company, shopkeeper, user_id, "pm_card_chargeCustomerFail")
        owed = company.stripe.v1.invoices.list({"customer": customer, "status": "open"}).data[0]
        emulator.faults.drop = ["invoice.paid", "invoice.updated", "invoice.payment_succeeded"]

        company.stripe.v1.invoices.pay(owed.id, {"payment_method": "pm_card_visa"})
        assert emulator.wait_idle()

        assert client.get("/v1/subscription/me", headers=auth(user_id)).json["action"] is None
        with reading() as session:
            assert set(session.scalars(sa.select(Invoice.status))) == {"paid"}


def test_a_user_without_invoices_has_nothing_to_do(client: Client, company: Company) -> None:
    shown = client.get("/v1/subscription/me", headers=auth(a_user().id)).json

    assert shown["action"] is None
