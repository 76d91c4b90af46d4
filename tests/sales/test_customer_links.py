"""Links changed by an operator: who pays for whom afterwards, and what can go wrong on the way."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import stripe
from click.testing import Result
from flask import Flask

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.models import Cause, Change, User, UserSubscription
from billing.sales import customer_links
from billing.sales.buyers import buyer, customer_of
from billing.sales.checkout import open_checkout
from billing.stripe_api.gateway import gateway
from billing.stripe_sync import counters, refresh
from billing.stripe_sync.healing import reconcile
from billing.stripe_sync.subjects import Kind, Part, Subject
from billing.stripe_sync.truths import customers
from tests.support.company import Company
from tests.support.events import stripe_event
from tests.support.factories import a_user, auth
from tests.support.live import pay
from tests.support.requests import Client

WHY = "two accounts of one person"


@pytest.fixture
def company(shop: None, emulator: Emulator) -> Company:
    return Company(emulator)


def run(app: Flask, *words: str, typed: str = "") -> Result:
    """Run `flask billing ...` as an operator does."""
    return app.test_cli_runner().invoke(args=["billing", *words], input=typed)


def unlink(app: Flask, user_id: UUID) -> Result:
    return run(app, "unlink-customer", str(user_id), "--reason", WHY)


def linked_to(user_id: UUID) -> str | None:
    with reading() as session:
        return session.scalars(sa.select(User.stripe_customer_id).where(User.id == user_id)).one()


def plan_of(client: Client, user_id: UUID) -> str:
    """The plan that the service answers to the user."""
    return str(client.get("/v1/subscription/me", headers=auth(user_id)).json["plan"])


def noted() -> list[tuple[str, Any, Any, str | None]]:
    """What an operator changed by hand."""
    with reading() as session:
        rows = session.execute(
            sa.select(Change.field, Change.before, Change.after, Change.reason)
            .where(Change.cause == Cause.OPERATOR, Change.stripe_id.is_not(None))
            .order_by(Change.id)
        )
        return [tuple(row) for row in rows]


def tell(client: Client, account: stripe.StripeClient, customer_id: str) -> None:
    """Let the service hear of a customer."""
    customer: Any = account.v1.customers.retrieve(customer_id)
    event = stripe_event("customer.updated", customer.to_dict(for_json=True))
    assert client.post_event(event).status_code == 200


def sold(company: Company, plan: str, user_id: UUID | None = None) -> str:
    """A customer of whom the service has not heard, with a subscription."""
    customer_id = company.customer(str(user_id) if user_id else None)
    company.subscribe(customer_id, company.price(f"{plan}_month"))
    return customer_id


class TestUnlink:
    """The user and the customer are parted."""

    def test_access_ends_at_once_and_the_reason_is_kept(
        self, app: Flask, client: Client, pro_id: UUID
    ) -> None:
        customer_id = linked_to(pro_id)
        assert plan_of(client, pro_id) == "pro"

        result = unlink(app, pro_id)

        assert (result.exit_code, result.output) == (0, f"{pro_id}  unlinked\n")
        assert linked_to(pro_id) is None
        assert plan_of(client, pro_id) == "free"
        assert noted() == [
            ("user_id", str(pro_id), None, WHY),
            ("stripe_customer_id", customer_id, None, WHY),
        ]

    @pytest.mark.parametrize("told_by", ["event", "reconcile", "refresh"])
    def test_metadata_does_not_bring_the_link_back(
        self, app: Flask, client: Client, pro_id: UUID, account: stripe.StripeClient, told_by: str
    ) -> None:
        customer_id = str(linked_to(pro_id))
        unlink(app, pro_id)

        if told_by == "event":
            tell(client, account, customer_id)
        elif told_by == "refresh":
            run(app, "refresh", customer_id)
        else:
            reconcile.reconcile(fix=True)

        assert linked_to(pro_id) is None
        assert plan_of(client, pro_id) == "free"
        left = [finding.detail for finding in reconcile.reconcile(fix=False).found]
        assert left == ["live, and of no user"]

    def test_twice_changes_nothing_more(self, app: Flask, pro_id: UUID) -> None:
        unlink(app, pro_id)
        before = noted()

        again = unlink(app, pro_id)

        assert (again.exit_code, again.output) == (0, f"{pro_id}  not_linked\n")
        assert noted() == before

    def test_at_the_same_time_it_is_ended_and_noted_once(self, app: Flask, pro_id: UUID) -> None:
        def end(_: int) -> str:
            with app.app_context():
                return customer_links.unlink(pro_id, WHY).value

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(end, range(4)))

        assert outcomes.count("unlinked") == 1
        assert [field for field, *_ in noted()] == ["user_id", "stripe_customer_id"]

    def test_a_fetch_that_began_before_does_not_bring_the_link_back(
        self, app: Flask, client: Client, pro_id: UUID
    ) -> None:
        subject = Subject.customer(str(linked_to(pro_id)), *Part)
        with transaction():
            counters.ask(subject)
        ticket = counters.acquire(Kind.CUSTOMER, subject.id)
        assert ticket is not None
        truth = customers.fetch(gateway(), subject.id, ticket.parts)

        unlink(app, pro_id)
        refresh.write(ticket, truth, Cause.REFRESH)

        assert linked_to(pro_id) is None
        assert plan_of(client, pro_id) == "free"

    def test_an_open_checkout_can_be_paid_no_more(
        self, app: Flask, shop: None, user_id: UUID, account: stripe.StripeClient
    ) -> None:
        opened = open_checkout(user_id, "pro")

        unlink(app, user_id)

        session = account.v1.checkout.sessions.retrieve(opened.session_id)
        assert session.status == "expired"

    def test_with_stripe_away_it_ends_access_and_called_again_it_expires_the_checkout(
        self,
        app: Flask,
        shop: None,
        user_id: UUID,
        account: stripe.StripeClient,
        emulator: Emulator,
    ) -> None:
        opened = open_checkout(user_id, "pro")
        emulator.faults.api_status = [500] * 8
        cut_off = unlink(app, user_id)
        emulator.faults.api_status = []

        again = unlink(app, user_id)

        assert (cut_off.exit_code, again.exit_code) == (3, 0)
        assert linked_to(user_id) is None
        session = account.v1.checkout.sessions.retrieve(opened.session_id)
        assert session.status == "expired"

    def test_a_checkout_that_was_paid_gives_the_user_nothing(
        self, app: Flask, client: Client, shop: None, user_id: UUID
    ) -> None:
        pay(open_checkout(user_id, "pro").url)

        result = unlink(app, user_id)

        assert result.exit_code == 0
        assert plan_of(client, user_id) == "free"

    def test_the_next_purchase_makes_one_other_customer(
        self, app: Flask, client: Client, pro_id: UUID
    ) -> None:
        before = linked_to(pro_id)
        unlink(app, pro_id)

        first = customer_of(buyer(pro_id))
        with transaction() as session:  # a crash before the link is stored
            session.execute(sa.update(User).values(stripe_customer_id=None))
        second = customer_of(buyer(pro_id))

        assert first == second != before
        pay(open_checkout(pro_id, "enterprise").url)
        run(app, "refresh", second)
        assert plan_of(client, pro_id) == "enterprise"

    def test_parted_from_the_second_customer_too_the_next_is_a_third(
        self, app: Flask, pro_id: UUID
    ) -> None:
        first = linked_to(pro_id)
        unlink(app, pro_id)
        second = customer_of(buyer(pro_id))
        unlink(app, pro_id)

        third = customer_of(buyer(pro_id))

        assert len({first, second, third}) == 3

    def test_the_operator_can_link_the_same_two_again(
        self, app: Flask, client: Client, pro_id: UUID, account: stripe.StripeClient
    ) -> None:
        customer_id = str(linked_to(pro_id))
        unlink(app, pro_id)

        run(app, "link-customer", str(pro_id), customer_id)

        assert plan_of(client, pro_id) == "pro"


class TestMove:
    """The user gets another customer."""

    def test_access_follows_at_once(
        self, app: Flask, client: Client, pro_id: UUID, company: Company
    ) -> None:
        before, after = linked_to(pro_id), sold(company, "enterprise")

        result = run(app, "move-link", str(pro_id), after, "--reason", WHY)

        assert (result.exit_code, result.output) == (0, f"{pro_id}  {after}  moved\n")
        assert plan_of(client, pro_id) == "enterprise"
        assert ("stripe_customer_id", before, after, WHY) in noted()
        with reading() as session:
            holders = session.scalars(
                sa.select(UserSubscription.user_id).where(
                    UserSubscription.stripe_customer_id == before
                )
            ).all()
        assert holders == [None]

    def test_metadata_of_the_former_customer_does_not_move_it_back(
        self, app: Flask, client: Client, pro_id: UUID, company: Company
    ) -> None:
        before, after = str(linked_to(pro_id)), sold(company, "enterprise")
        run(app, "move-link", str(pro_id), after, "--reason", WHY)

        tell(client, company.stripe, before)
        report = reconcile.reconcile(fix=True)

        assert linked_to(pro_id) == after
        assert "link_conflict" not in report.by_kind

    def test_somebody_elses_customer_is_not_taken(
        self, app: Flask, client: Client, pro_id: UUID, company: Company
    ) -> None:
        other = a_user().id
        theirs = sold(company, "enterprise", other)
        tell(client, company.stripe, theirs)
        before = linked_to(pro_id)

        result = run(app, "move-link", str(pro_id), theirs, "--reason", WHY)

        assert result.exit_code == 1
        assert "customer_has_another_user" in result.output
        assert (linked_to(pro_id), linked_to(other)) == (before, theirs)
        assert noted() == []

    def test_the_checkout_of_the_former_customer_can_be_paid_no_more(
        self, app: Flask, company: Company, user_id: UUID
    ) -> None:
        opened = open_checkout(user_id, "pro")

        run(app, "move-link", str(user_id), sold(company, "enterprise"), "--reason", WHY)

        session = company.stripe.v1.checkout.sessions.retrieve(opened.session_id)
        assert session.status == "expired"


class TestLink:
    """The user gets a first customer."""

    def test_a_users_own_id_of_the_product_is_taken(
        self, app: Flask, client: Client, company: Company
    ) -> None:
        user_id = a_user(external_subject="p-17").id

        result = run(app, "link-customer", "ext:p-17", sold(company, "pro"))

        assert result.exit_code == 0
        assert plan_of(client, user_id) == "pro"

    @pytest.mark.parametrize("state", ["unknown", "deleted", "no id"])
    def test_a_customer_that_stripe_does_not_have_is_refused(
        self, app: Flask, company: Company, user_id: UUID, state: str
    ) -> None:
        customer_id = {"unknown": "cus_nobody", "no id": "sub_1"}.get(state) or company.customer()
        if state == "deleted":
            company.stripe.v1.customers.delete(customer_id)

        result = run(app, "link-customer", str(user_id), customer_id)

        assert result.exit_code == 1
        assert linked_to(user_id) is None
        words = {
            "unknown": "no_such_customer",
            "deleted": "customer_deleted",
            "no id": "not_a_customer_id",
        }
        assert words[state] in result.output

    def test_an_address_alone_links_nobody(
        self, app: Flask, company: Company, user_id: UUID
    ) -> None:
        result = run(app, "link-customer", "buyer@example.com", company.customer())

        assert result.exit_code == 1
        assert "--by-email" in result.output
        assert linked_to(user_id) is None

    @pytest.mark.parametrize(("typed", "is_linked"), [("n\n", False), ("y\n", True)])
    def test_by_email_shows_whom_it_found_and_waits_to_be_confirmed(
        self, app: Flask, company: Company, user_id: UUID, typed: str, is_linked: bool
    ) -> None:
        customer_id = company.customer()
        company.stripe.v1.customers.update(customer_id, {"email": "owner@example.com"})

        result = run(
            app, "link-customer", "buyer@example.com", customer_id, "--by-email", typed=typed
        )

        assert (result.exit_code == 0) is is_linked
        for word in ("buyer@example.com", str(user_id), customer_id, "owner@example.com"):
            assert word in result.output
        assert linked_to(user_id) == (customer_id if is_linked else None)

    def test_a_link_is_never_moved_by_it(self, app: Flask, pro_id: UUID, company: Company) -> None:
        before = linked_to(pro_id)

        result = run(app, "link-customer", str(pro_id), company.customer())

        assert "user_has_another_customer" in result.output
        assert (result.exit_code, linked_to(pro_id)) == (1, before)

    def test_a_user_who_is_nobody_is_told(self, app: Flask, company: Company) -> None:
        result = run(app, "link-customer", str(uuid4()), company.customer())

        assert result.exit_code == 1
        assert "no_such_user" in result.output


class TestImport:
    """Many links from a file."""

    def test_every_row_that_is_right_is_linked_and_the_others_are_told(
        self, app: Flask, company: Company, tmp_path: Any
    ) -> None:
        known, outside = a_user().id, a_user(external_subject="p-18").id
        unproven = a_user(email="somebody@example.com").id
        rows = [
            (str(known), company.customer()),
            ("ext:p-18", company.customer()),
            ("somebody@example.com", company.customer()),
            (str(uuid4()), company.customer()),
            (str(a_user().id), "cus_nobody"),
        ]
        file = tmp_path / "links.csv"
        file.write_text("user,customer\n" + "\n".join(map(",".join, rows)), encoding="utf-8")

        result = run(app, "import-links", str(file))
        again = run(app, "import-links", str(file), "--by-email", "--yes")

        assert (result.exit_code, again.exit_code) == (1, 1)
        for word in ("2 linked", "address_proves_nothing", "no_such_user", "no_such_customer"):
            assert word in result.output
        assert (linked_to(known), linked_to(outside)) == (rows[0][1], rows[1][1])
        assert "1 linked" in again.output
        assert "2 already_linked" in again.output
        assert linked_to(unproven) == rows[2][1]
