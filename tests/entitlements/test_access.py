"""Access is one pure function over every status, grace, pause and several subscriptions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from billing.catalog.terms import Plan
from billing.entitlements.access import FOR_EVER, Policy, Reason, Subscription, decide, steady_until
from billing.entitlements.explain import WORDS, explain
from billing.models import Status

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
WEEK = Policy(grace=timedelta(days=7))
NO_GRACE = Policy(grace=timedelta(0))
KEEPING = Policy(keep_paid_through=True)
KEEPING_VOID = Policy(keep_on_void_pause=True)
SUSPENDING = Policy(suspend_on_dispute=True)


def plan(name: str, rank: int) -> Plan:
    return Plan(UUID(int=rank), name, name.title(), "", rank, frozenset(), Decimal(1), {}, {})


PRO = plan("pro", 10)
ENTERPRISE = plan("enterprise", 20)


def subscription(status: str = "active", number: int = 1, **facts: Any) -> Subscription:
    known = {
        "stripe_subscription_id": f"sub_{number}",
        "plan": PRO,
        "held_plan": PRO,
        "as_of": NOON,
        "confirmed": True,
    }
    return Subscription(id=UUID(int=number), status=status, **{**known, **facts})


TABLE = [
    # status, facts, policy, plan, reason, until
    ("active", {}, WEEK, PRO, "active", None),
    ("active", {"expires_at": NOON + DAY}, WEEK, PRO, "active", NOON + DAY),
    ("active", {"expires_at": NOON}, WEEK, PRO, "active", None),
    ("active", {"past_due_since": NOON - 30 * DAY}, WEEK, PRO, "active", None),
    ("trialing", {}, WEEK, PRO, "trialing", None),
    ("trialing", {"expires_at": NOON + DAY}, WEEK, PRO, "trialing", NOON + DAY),
    ("past_due", {"past_due_since": None}, WEEK, PRO, "grace", None),
    ("past_due", {"past_due_since": None}, NO_GRACE, PRO, "grace", None),
    ("past_due", {"past_due_since": NOON}, WEEK, PRO, "grace", NOON + 7 * DAY),
    ("past_due", {"past_due_since": NOON - 7 * DAY + SECOND}, WEEK, PRO, "grace", NOON + SECOND),
    ("past_due", {"past_due_since": NOON - 7 * DAY}, WEEK, None, "grace_over", None),
    ("past_due", {"past_due_since": NOON}, NO_GRACE, None, "grace_over", None),
    ("active", {"is_disputed": True}, WEEK, PRO, "active", None),
    ("active", {"is_disputed": True}, SUSPENDING, None, "disputed", None),
    ("trialing", {"is_disputed": True}, SUSPENDING, None, "disputed", None),
    ("past_due", {"is_disputed": True}, SUSPENDING, None, "disputed", None),
    ("paused", {"is_disputed": True}, SUSPENDING, None, "disputed", None),
    ("canceled", {"is_disputed": True}, SUSPENDING, None, "ended", None),
    ("unpaid", {}, WEEK, None, "unpaid", None),
    ("unpaid", {"past_due_since": NOON}, WEEK, None, "unpaid", None),
    ("paused", {}, WEEK, None, "paused", None),
    ("incomplete", {}, WEEK, None, "incomplete", None),
    ("incomplete_expired", {}, WEEK, None, "incomplete_expired", None),
    ("incomplete_expired", {"current_period_end": NOON + DAY}, KEEPING, None, None, None),
    ("canceled", {}, WEEK, None, "ended", None),
    ("canceled", {"ended_at": NOON}, WEEK, None, "ended", None),
    ("canceled", {"ended_at": NOON + SECOND}, WEEK, PRO, "paid_through", NOON + SECOND),
    ("canceled", {"current_period_end": NOON + DAY}, WEEK, None, "ended", None),
    ("canceled", {"current_period_end": NOON + DAY}, KEEPING, PRO, "paid_through", NOON + DAY),
    ("canceled", {"current_period_end": NOON}, KEEPING, None, "ended", None),
    (
        "canceled",
        {"current_period_end": NOON + DAY, "cancellation_reason": "payment_failed"},
        KEEPING,
        None,
        "ended",
        None,
    ),
    ("canceled", {"ended_at": NOON}, KEEPING, None, "ended", None),
    ("active", {"pause_collection": "keep_as_draft"}, WEEK, PRO, "collection_paused", None),
    ("active", {"pause_collection": "mark_uncollectible"}, WEEK, PRO, "collection_paused", None),
    ("active", {"pause_collection": "void"}, WEEK, None, "collection_voided", None),
    ("active", {"pause_collection": "void"}, KEEPING_VOID, PRO, "collection_paused", None),
    ("trialing", {"pause_collection": "keep_as_draft"}, WEEK, PRO, "collection_paused", None),
    ("trialing", {"pause_collection": "void"}, WEEK, None, "collection_voided", None),
    ("past_due", {"pause_collection": "keep_as_draft"}, WEEK, PRO, "grace", None),
    ("past_due", {"pause_collection": "void"}, WEEK, None, "collection_voided", None),
    ("unpaid", {"pause_collection": "keep_as_draft"}, WEEK, None, "unpaid", None),
    ("canceled", {"pause_collection": "keep_as_draft"}, WEEK, None, "ended", None),
    ("hibernating", {}, WEEK, PRO, "unknown_status", None),
    ("hibernating", {"plan": ENTERPRISE}, WEEK, PRO, "unknown_status", None),
    ("hibernating", {"held_plan": None}, WEEK, None, "unknown_status", None),
    ("active", {"plan": None}, WEEK, PRO, "unmapped_price", None),
    ("active", {"plan": None, "held_plan": None}, WEEK, None, "unmapped_price", None),
    ("trialing", {"plan": None}, WEEK, PRO, "unmapped_price", None),
    ("past_due", {"plan": None, "past_due_since": NOON}, WEEK, PRO, "unmapped_price", 7 * DAY),
    ("past_due", {"plan": None, "past_due_since": NOON}, NO_GRACE, None, "grace_over", None),
    ("unpaid", {"plan": None}, WEEK, None, "unpaid", None),
    ("canceled", {"plan": None}, WEEK, None, "ended", None),
]


@pytest.mark.parametrize(
    ("status", "facts", "policy", "plan", "reason", "until"),
    TABLE,
    ids=[f"{row[0]}-{'-'.join(row[1]) or 'plain'}-{number}" for number, row in enumerate(TABLE)],
)
def test_one_subscription_is_judged_by_its_status(status, facts, policy, plan, reason, until):
    expected_until = NOON + until if isinstance(until, timedelta) else until

    access = decide([subscription(status, **facts)], policy, NOON)

    assert access.plan == plan
    assert access.reason == (reason or status)
    assert access.until == expected_until


@pytest.mark.parametrize(
    ("status", "facts", "policy"),
    [row[:3] for row in TABLE],
    ids=[f"{row[0]}-{'-'.join(row[1]) or 'plain'}-{number}" for number, row in enumerate(TABLE)],
)
def test_while_it_is_steady_the_passing_of_time_changes_nothing(status, facts, policy):
    judged = [subscription(status, **facts)]
    for start in (NOON - 20 * DAY, NOON - DAY, NOON - SECOND, NOON, NOON + SECOND):
        end = min(steady_until(judged, policy, start), start + 60 * DAY)
        within = [start + (end - start) / 2, end - SECOND / 1_000_000]
        decided = decide(judged, policy, start)

        assert start < end
        assert [decide(judged, policy, one) for one in within] == [decided] * 2


def test_steadiness_ends_with_the_first_moment_that_any_subscription_knows():
    first = subscription("active", 1, current_period_end=NOON + 3 * DAY)
    second = subscription("past_due", 2, past_due_since=NOON - 5 * DAY)

    assert steady_until([first, second], WEEK, NOON) == NOON + 2 * DAY
    assert steady_until([first], WEEK, NOON + 3 * DAY) == FOR_EVER


def test_the_table_holds_every_status_and_every_reason():
    judged = {Status.read(status) for status, *_ in TABLE}
    reasons = {Reason(reason or status) for status, _, _, _, reason, _ in TABLE}

    assert judged == set(Status)
    assert reasons == set(Reason) - {Reason.NO_SUBSCRIPTION}


def test_without_a_subscription_the_plan_is_free():
    access = decide([], WEEK, NOON)

    assert (access.plan, access.subscription, access.reason) == (None, None, "no_subscription")


@pytest.mark.parametrize("other", [status for status in Status if status is not Status.ACTIVE])
def test_a_granted_plan_wins_over_whatever_else_there_is(other: Status):
    active = subscription("active", 1, plan=ENTERPRISE)
    theirs = subscription(other, 2)

    decisions = [decide(both, WEEK, NOON) for both in permutations([active, theirs])]

    assert [one.plan for one in decisions] == [ENTERPRISE, ENTERPRISE]
    assert [one.subscription for one in decisions] == [active, active]


def test_the_highest_rank_wins_even_if_it_is_on_grace():
    late = subscription("past_due", 1, plan=ENTERPRISE, past_due_since=NOON)

    access = decide([subscription("active", 2), late], WEEK, NOON)

    assert (access.plan, access.reason) == (ENTERPRISE, "grace")


def test_when_the_grace_of_the_higher_is_over_the_lower_one_counts():
    late = subscription("past_due", 1, plan=ENTERPRISE, past_due_since=NOON - 8 * DAY)

    access = decide([late, subscription("active", 2)], WEEK, NOON)

    assert (access.plan, access.reason) == (PRO, "active")


def test_of_two_with_one_rank_the_one_that_lasts_longer_is_shown():
    leaving = subscription(number=9, expires_at=NOON + DAY, started_at=NOON)
    staying = subscription(number=1, started_at=NOON - DAY)

    access = decide([leaving, staying], WEEK, NOON)

    assert access.subscription == staying


def test_without_any_grant_the_newest_that_has_not_ended_is_shown():
    ended = subscription("canceled", 1, started_at=NOON)
    unpaid = subscription("unpaid", 2, started_at=NOON - DAY)
    older = replace(unpaid, id=UUID(int=3), started_at=NOON - 2 * DAY)

    access = decide([ended, older, unpaid], WEEK, NOON)

    assert access.subscription == unpaid


def test_every_reason_has_words():
    assert set(WORDS) == set(Reason)


def test_the_explanation_names_plan_end_and_reason():
    late = subscription("past_due", past_due_since=NOON)

    said = explain(decide([late], WEEK, NOON))

    assert said == (
        "The plan is pro until 2026-05-17 12:00 UTC: a payment is late, and the grace period runs."
    )
