"""One process counts its rate limits exactly, and forgets what has ended."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import time_machine

from billing.operations.process_storage import FEW, ProcessStorage

NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def storage() -> ProcessStorage:
    return ProcessStorage()


def test_each_key_is_counted_by_itself(storage: ProcessStorage):
    counts = [storage.incr(key, 60) for key in ("mine", "mine", "yours", "mine")]

    assert counts == [1, 2, 1, 3]
    assert [storage.get(key) for key in ("mine", "yours", "nobody's")] == [3, 1, 0]


def test_a_window_begins_with_its_first_count_and_not_with_the_next(storage: ProcessStorage):
    with time_machine.travel(NOON, tick=False) as now:
        storage.incr("mine", 60)
        now.shift(59)
        within = storage.incr("mine", 60)
        now.shift(1)
        ended = storage.get("mine")
        after = storage.incr("mine", 60)

    assert (within, ended, after) == (2, 0, 1)


def test_the_end_of_a_window_is_told(storage: ProcessStorage):
    with time_machine.travel(NOON, tick=False) as now:
        storage.incr("mine", 60)
        ends = storage.get_expiry("mine")
        now.shift(70)
        ended = storage.get_expiry("mine")

    assert (ends, ended) == (NOON.timestamp() + 60, NOON.timestamp() + 70)


def test_threads_that_count_at_once_lose_nothing(storage: ProcessStorage):
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: storage.incr("mine", 60), range(4000)))

    assert sorted(counts) == list(range(1, 4001))


def test_what_has_ended_is_not_kept_for_ever(storage: ProcessStorage):
    with time_machine.travel(NOON, tick=False) as now:
        for number in range(FEW):
            storage.incr(f"early {number}", 60)
        now.shift(60)
        storage.incr("late", 60)

    assert storage.reset() == 1


def test_what_has_not_ended_is_kept_however_much_it_is(storage: ProcessStorage):
    for number in range(3 * FEW):
        storage.incr(f"key {number}", 60)

    assert storage.get("key 0") == 1
    assert storage.reset() == 3 * FEW


def test_a_count_can_be_forgotten(storage: ProcessStorage):
    storage.incr("mine", 60)

    storage.clear("mine")

    assert storage.get("mine") == 0
    assert storage.check()
