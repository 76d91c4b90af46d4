"""Is everything that Stripe told us here, even what never arrived?"""

import itertools
import json

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.models import EventState, GapRun, StripeEvent, UserSubscription
from billing.stripe_sync import sweep
from billing.stripe_sync.healing import gaps, reconcile
from tests.support.company import Company


@pytest.fixture
def company(shop: None, service: str, emulator: Emulator) -> Company:
    """A company whose events reach the service, unless they are dropped."""
    return Company(emulator)


def sell(company: Company, emulator: Emulator, count: int) -> None:
    price = company.price("pro_month")
    for _ in range(count):
        company.subscribe(company.customer(), price)
    assert emulator.wait_idle()
    sweep.sweep(untouched_seconds=0)  # runs in every deployment: takes up what a burst left over


def stored() -> dict[str, str]:
    with reading() as session:
        rows = session.execute(
            sa.select(UserSubscription.stripe_subscription_id, UserSubscription.status)
        )
        return {row.stripe_subscription_id: row.status for row in rows}


def at_stripe(company: Company) -> dict[str, str]:
    found = company.stripe.v1.subscriptions.list({"status": "all", "limit": 100})
    return {one.id: str(one.status) for one in found.data}


def test_with_every_event_delivered_there_is_no_gap(company: Company, emulator: Emulator) -> None:
    sell(company, emulator, 2)

    found = gaps.look(fix=False)

    assert (found.never_delivered, found.unfinished) == ([], [])
    assert found.processed > 4


@pytest.mark.parametrize("mend", ["gaps", "reconcile"])
def test_with_half_of_the_events_dropped_everything_is_brought_in(
    company: Company, emulator: Emulator, mend: str
) -> None:
    emulator.faults.drop = 0.5
    sell(company, emulator, 8)
    emulator.faults.drop = 0.0

    if mend == "gaps":
        assert gaps.look(fix=False).never_delivered
        assert gaps.look(fix=True).left == []
        assert gaps.look(fix=True, days=1).never_delivered == []
    else:
        reconcile.reconcile(fix=True)

    assert stored() == at_stripe(company)
    assert len(stored()) == 8


def test_what_a_page_lacks_is_taken_in_before_the_next_page_is_listed(
    company: Company, emulator: Emulator
) -> None:
    emulator.faults.drop = 1.0
    sell(company, emulator, 20)
    asked = len(emulator.requests)

    found = gaps.look(fix=True)

    paths = [request[1] for request in emulator.requests[asked:]]
    pages = [place for place, path in enumerate(paths) if path == "/v1/events"]
    assert len(pages) > 1
    assert all("/v1/subscriptions" in paths[a:b] for a, b in itertools.pairwise(pages))
    assert found.left == []
    assert stored() == at_stripe(company)


def test_an_event_that_came_and_failed_is_told_and_finished(
    company: Company, emulator: Emulator
) -> None:
    sell(company, emulator, 1)
    with transaction() as session:
        event_id = session.scalars(
            sa.select(StripeEvent.stripe_event_id).where(
                StripeEvent.type == "customer.subscription.created"
            )
        ).one()
        session.execute(
            sa.update(StripeEvent)
            .where(StripeEvent.stripe_event_id == event_id)
            .values(state=EventState.DEAD)
        )

    told = gaps.look(fix=False)
    mended = gaps.look(fix=True)

    assert told.unfinished == [event_id]
    assert mended.left == []


def test_the_next_look_begins_a_little_before_the_last_clean_one(
    company: Company, emulator: Emulator
) -> None:
    gaps.look(fix=True)
    asked = len(emulator.requests)

    gaps.look(fix=True)

    with reading() as session:
        reached = session.scalars(sa.select(GapRun.reached).order_by(GapRun.reached)).first()
    assert reached is not None
    query = emulator.requests[asked][2]
    since = int(query["created"]["gte"])
    assert abs(since - (reached.timestamp() - 3600)) < 2


def test_a_look_that_leaves_something_is_not_remembered_as_clean(
    company: Company, emulator: Emulator
) -> None:
    emulator.faults.drop = 1.0
    sell(company, emulator, 1)

    gaps.look(fix=False)

    with reading() as session:
        assert session.scalars(sa.select(GapRun.reached)).all() == []


def test_the_command_tells_and_its_exit_code_says_whether_something_is_missing(
    app: Flask, company: Company, emulator: Emulator
) -> None:
    emulator.faults.drop = 1.0
    sell(company, emulator, 1)
    runner = app.test_cli_runner()

    told = runner.invoke(args=["billing", "gaps", "--json", "--rate", "100"])
    mended = runner.invoke(args=["billing", "gaps", "--fix", "--rate", "100"])

    assert told.exit_code == 1
    assert json.loads(told.stdout)["never_delivered"]
    assert mended.exit_code == 0, mended.output
    assert "taken in now" in mended.output
