"""What does pruning delete, and what does it leave alone?"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskCliRunner

from billing.database import moment, transaction
from billing.entitlements import (
    commit_usage,
    get_current_period_usage,
    increment_usage,
    release_usage,
    reserve_usage,
)
from billing.entitlements.pruning import Pruned, prune
from billing.errors import NotFound
from billing.models import IdempotencyKey, Metric
from billing.web import idempotency_keys
from billing.web.idempotency_keys import Answer, Attempt
from tests.support.factories import a_plan, a_user

NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)
JOBS = Metric.JOBS_CREATED
MONTH = timedelta(days=30)
DAY = timedelta(days=1)


@pytest.fixture
def user_id(app: Flask) -> UUID:
    a_plan("free", max_jobs_per_month=100)
    return a_user().id


def used(user_id: UUID) -> int:
    return get_current_period_usage(user_id)[JOBS].used


def test_old_keys_go_and_younger_ones_still_count_once(user_id: UUID):
    with time_machine.travel(NOON - MONTH - DAY, tick=False):
        increment_usage(user_id, JOBS, key="old")
    with time_machine.travel(NOON, tick=False):
        increment_usage(user_id, JOBS, key="young")

        pruned = prune(MONTH)

        increment_usage(user_id, JOBS, key="young")
        assert pruned == Pruned(keys=1, reservations=0, answers=0)
        assert used(user_id) == 1


def test_what_was_counted_stays_counted(user_id: UUID):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user_id, JOBS, 3, key="a")
        reservation = reserve_usage(user_id, JOBS, 2)
        commit_usage(user_id, reservation.id)
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        assert prune(DAY) == Pruned(keys=1, reservations=1, answers=0)
        assert used(user_id) == 5


def test_a_reservation_that_is_held_stays(user_id: UUID):
    with time_machine.travel(NOON, tick=False):
        held = reserve_usage(user_id, JOBS, 2)
        released = reserve_usage(user_id, JOBS, 3)
        release_usage(user_id, released.id)
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        assert prune(DAY) == Pruned(keys=0, reservations=1, answers=0)
        assert release_usage(user_id, held.id).amount == 2
        with pytest.raises(NotFound):
            release_usage(user_id, released.id)


def test_many_go_batch_by_batch(user_id: UUID):
    with time_machine.travel(NOON, tick=False):
        for number in range(7):
            increment_usage(user_id, JOBS, key=f"job-{number}")
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        increment_usage(user_id, JOBS, key="young")

        assert prune(DAY, batch=2) == Pruned(keys=7, reservations=0, answers=0)
        assert prune(DAY, batch=2) == Pruned(keys=0, reservations=0, answers=0)


PAST, FUTURE = -1, 3600
ANSWERED, OPEN = 200, None


@pytest.mark.parametrize(
    ("expires", "claimed", "status", "goes"),
    [
        pytest.param(PAST, PAST, ANSWERED, True, id="its day is over"),
        pytest.param(FUTURE, PAST, ANSWERED, False, id="its day is not over"),
        pytest.param(PAST, PAST, OPEN, True, id="who worked on it died"),
        pytest.param(PAST, FUTURE, OPEN, False, id="it is worked on"),
        pytest.param(PAST, FUTURE, ANSWERED, True, id="answered at once"),
    ],
)
def test_answers_go_when_their_day_is_over(
    user_id: UUID, expires: float, claimed: float, status: int | None, goes: bool
):
    attempt = Attempt.of(user_id, "key", "what was asked")
    idempotency_keys.begin(attempt)
    with transaction() as session:
        session.execute(
            sa.update(IdempotencyKey).values(
                expires_at=moment(expires), claimed_until=moment(claimed), status=status
            )
        )

    pruned = prune(DAY)

    assert pruned == Pruned(keys=0, reservations=0, answers=int(goes))


def test_a_request_at_work_while_others_are_pruned_is_answered_once(user_id: UUID):
    attempt = Attempt.of(user_id, "key", "what was asked")
    idempotency_keys.begin(attempt)

    prune(DAY)
    idempotency_keys.keep(attempt, Answer(200, "done"))

    again = idempotency_keys.begin(Attempt.of(user_id, "key", "what was asked"))
    assert again == Answer(200, "done")


def test_the_command_tells_what_it_deleted(app: Flask, user_id: UUID):
    with time_machine.travel(NOON, tick=False):
        increment_usage(user_id, JOBS, key="old")
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        result = FlaskCliRunner(app).invoke(args=["billing", "prune", "--days", "1"])

    assert (result.exit_code, result.output) == (0, "deleted 1 keys, 0 reservations, 0 answers\n")
