"""When grace begins: one table of invoices, and what is stored of it over several refreshes."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from billing import clock
from billing.database import reading, transaction
from billing.models import InvoiceAction, UserSubscription
from billing.stripe_api.snapshots import InvoiceSnapshot
from billing.stripe_sync import counters
from billing.stripe_sync.grace import late_since
from billing.stripe_sync.truths import invoices
from tests.support.protocol import CUSTOMER, NOON, acquire, fetched, note, seats, write

DAY = 86_400
SEEN = 40
"""The day on which the subscription was first seen to owe."""


def invoice(number: int, day: float, status: str = "open", **more: Any) -> InvoiceSnapshot:
    """An invoice that was made on that day and finalised an hour later."""
    made = NOON + int(day * DAY)
    return InvoiceSnapshot.from_stripe(
        {
            "id": f"in_{number}",
            "status": status,
            "created": made,
            "amount_due": 2900,
            "subscription": "sub_A",
            "status_transitions": {"finalized_at": made + 3600},
            **more,
        }
    )


def on(day: float, hours: int = 0) -> datetime:
    return clock.from_unix(NOON + int(day * DAY) + hours * 3600)


def due(day: float) -> dict[str, int]:
    return {"due_date": NOON + int(day * DAY)}


@pytest.mark.parametrize(
    ("known", "processing", "since"),
    [
        pytest.param([invoice(1, 30)], set(), on(30, 1), id="charged: when finalised"),
        pytest.param([invoice(1, 0, **due(30))], set(), on(30), id="sent: when due"),
        pytest.param([invoice(1, 30)], {"in_1"}, on(SEEN), id="debit under way: first sight"),
        pytest.param(
            [invoice(1, 30), invoice(2, 37), invoice(3, 44)],
            set(),
            on(30, 1),
            id="a new invoice each week gives no new grace",
        ),
        pytest.param(
            [invoice(1, 1), invoice(2, 10, "paid"), invoice(3, 30)],
            set(),
            on(30, 1),
            id="a forgotten one from before the last paid one takes no grace",
        ),
        pytest.param(
            [invoice(1, 30), invoice(2, 35, "void"), invoice(3, 36, "uncollectible")],
            set(),
            on(30, 1),
            id="neither void nor uncollectible counts as paid",
        ),
        pytest.param(
            [invoice(1, 0, **due(60)), invoice(2, 31)],
            set(),
            on(31, 1),
            id="the earliest late moment, whichever was made first",
        ),
        pytest.param([invoice(1, 10, "paid")], set(), on(SEEN), id="nothing open: first sight"),
        pytest.param([], set(), on(SEEN), id="no invoice: first sight"),
        pytest.param([invoice(1, 30, "draft")], set(), on(SEEN), id="a draft: first sight"),
    ],
)
def test_grace_runs_from_the_first_late_moment_since_the_last_payment(
    known: list[InvoiceSnapshot], processing: set[str], since: datetime
) -> None:
    assert late_since(known, processing, on(SEEN)) == since
    assert late_since(reversed(known), processing, on(SEEN)) == since


def owing_since() -> datetime | None:
    with reading() as session:
        return session.scalars(sa.select(UserSubscription.past_due_since)).one()


def refreshed(date: int, *known: InvoiceSnapshot) -> None:
    """Let a refresh find the subscription past due, with these invoices."""
    with transaction():
        counters.ask(CUSTOMER)
    snapshot = seats(1) | {"status": "past_due"}
    write(acquire(), replace(fetched(snapshot, date=date), invoices=list(known)))


@pytest.mark.usefixtures("app")
def test_first_sight_is_stored_once_and_moved_by_no_later_refresh_or_event() -> None:
    refreshed(NOON)
    first = owing_since()
    refreshed(NOON + DAY)
    note("evt_late", created=NOON + 2 * DAY, status="past_due")
    refreshed(NOON + 3 * DAY)

    assert first == clock.from_unix(NOON)
    assert owing_since() == first


@pytest.mark.usefixtures("app")
def test_an_event_alone_bounds_the_grace_by_its_own_time() -> None:
    note("evt_1", created=NOON, status="past_due")

    assert owing_since() == clock.from_unix(NOON)


@pytest.mark.usefixtures("app")
def test_the_invoice_of_a_refresh_replaces_first_sight() -> None:
    note("evt_1", created=NOON + 3 * DAY, status="past_due")

    refreshed(NOON + 4 * DAY, invoice(1, 1))

    assert owing_since() == on(1, 1)


@pytest.mark.usefixtures("app")
def test_who_paid_and_is_late_again_has_a_new_grace() -> None:
    refreshed(NOON)
    with transaction():
        counters.ask(CUSTOMER)
    write(acquire(), fetched(seats(1), date=NOON + DAY))
    in_between = owing_since()

    refreshed(NOON + 31 * DAY)

    assert in_between is None
    assert owing_since() == clock.from_unix(NOON + 31 * DAY)


@pytest.mark.parametrize(
    ("told", "states", "action"),
    [
        ({}, set(), None),
        (due(30), set(), InvoiceAction.PAY),
        ({"attempt_count": 1}, {"requires_payment_method"}, InvoiceAction.UPDATE_CARD),
        ({"attempted": True, "attempt_count": 0}, {"requires_action"}, InvoiceAction.CONFIRM),
        ({"attempt_count": 1}, {"processing"}, None),
        ({"attempt_count": 2}, {"requires_payment_method", "processing"}, None),
        ({"attempt_count": 1}, {"requires_action", "processing"}, InvoiceAction.CONFIRM),
        ({"attempt_count": 1}, set(), InvoiceAction.PAY),
        ({"attempt_count": 1, "amount_due": 0}, set(), None),
        ({"attempt_count": 1, "status": "paid"}, set(), None),
    ],
    ids=[
        "about to be charged",
        "sent to be paid",
        "card declined",
        "renewal waits for 3-D Secure",
        "debit under way",
        "debit under way after a declined card",
        "one of two must be confirmed",
        "tried by other means",
        "nothing left to pay",
        "paid",
    ],
)
def test_what_an_invoice_asks_of_the_customer(
    told: dict[str, Any], states: set[str], action: InvoiceAction | None
) -> None:
    known = invoice(1, 30, **{"status": "open", **told})

    assert invoices.actions([known], {"in_1": frozenset(states)}, set()).get("in_1") is action


def test_an_ended_subscription_asks_nothing_more() -> None:
    known = invoice(1, 30, attempt_count=4)

    assert invoices.actions([known], {"in_1": frozenset()}, {"sub_A"}) == {}
