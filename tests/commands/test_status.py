"""What does an operator see at three in the morning?"""

import json
from datetime import timedelta
from typing import Any

from flask import Flask

from billing import clock
from billing.models import Drift, EventState, GapRun, ReconcileRun, StripeEvent
from tests.support.factories import a_customer, saved


def status(app: Flask) -> dict[str, Any]:
    result = app.test_cli_runner().invoke(args=["billing", "status", "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def text(app: Flask) -> str:
    return app.test_cli_runner().invoke(args=["billing", "status"]).output


def an_event(event_id: str, state: EventState, minutes: int, **values: Any) -> StripeEvent:
    received = clock.utc_now() - timedelta(minutes=minutes)
    told = {"type": "invoice.paid", "received_at": received, **values}
    return saved(StripeEvent(stripe_event_id=event_id, state=state, **told))


def test_a_quiet_service_says_so(app: Flask) -> None:
    told = status(app)

    assert told["events"] == {"received": 0, "queued": 0, "dead": 0}
    assert set(told["owed"].values()) == {0}
    assert told["drift"] == {}
    assert "reconciled  never" in text(app)
    assert "oldest open none" in text(app)


def test_open_events_are_counted_by_state_with_the_oldest(app: Flask) -> None:
    an_event("evt_done", EventState.DONE, 600)
    oldest = an_event("evt_queued", EventState.QUEUED, 90)
    an_event("evt_received", EventState.RECEIVED, 3)

    told = status(app)

    assert told["events"] == {"received": 1, "queued": 1, "dead": 0}
    assert told["oldest_event_at"] == oldest.received_at.isoformat()
    assert "oldest open 1 h 30 min ago" in text(app)


def test_dead_events_stand_under_their_reasons(app: Flask) -> None:
    for number in range(3):
        an_event(f"evt_{number}", EventState.DEAD, 5, error="no such object")
    an_event("evt_other", EventState.DEAD, 5, error="unreadable")

    dead = status(app)["dead"]

    assert [(one["count"], one["error"]) for one in dead] == [
        (3, "no such object"),
        (1, "unreadable"),
    ]
    assert "3 x no such object  (evt_2)" in text(app)


def test_refreshes_that_fail_are_told_from_those_given_up(app: Flask) -> None:
    now = clock.utc_now()
    owed = {"requested": 3, "synced": 1, "last_error": "Stripe is away"}
    a_customer(id="cus_parked", failing_since=now - timedelta(days=3), **owed)
    a_customer(id="cus_failing", due_at=now - timedelta(minutes=7), **owed)
    a_customer(id="cus_well", requested=3, synced=3)

    told = status(app)

    assert (told["failing"], told["parked"], told["owed"]["customer"]) == (1, 1, 2)
    assert {one["id"]: one["parked"] for one in told["stuck"]} == {
        "cus_parked": True,
        "cus_failing": False,
    }
    assert "oldest due 7 min 0 s ago" in text(app)
    assert "parked    customer cus_parked since 3 days ago: Stripe is away" in text(app)


def test_open_drift_and_the_last_looks_are_shown(app: Flask) -> None:
    now = clock.utc_now()
    saved(Drift(kind="status", stripe_id="sub_1", detail="differs"))
    saved(Drift(kind="plan", stripe_id="sub_2", detail="differed", resolved_at=now))
    run = {"fixes": True, "phase": "local", "finished_at": now - timedelta(hours=30)}
    saved(ReconcileRun(**run))
    saved(GapRun(reached=now - timedelta(minutes=2)))

    told = status(app)

    assert told["drift"] == {"status": 1}
    assert "reconciled  30 h 0 min ago" in text(app)
    assert "gaps        looked for 2 min 0 s ago" in text(app)
