"""Waiting for the stream ends with the records that were there when it began, or says how many are missing."""

import pytest

from jobs.shared.errors import StorageError
from jobs.stream_events import catch_up


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_returns_once_every_partition_is_stored() -> None:
    clock = Clock()
    looks = iter([{}, {0: 10}, {0: 10, 1: 4}, {0: 10, 1: 5}])
    report = catch_up.wait(lambda: {0: (0, 10), 1: (2, 5)}, lambda: next(looks), timeout_s=60, clock=clock, sleep=clock.sleep)
    assert report.details == {"waited_s": 3 * catch_up.LOOK_EVERY_S}
    assert report.skipped == 13


def test_records_that_the_topic_has_dropped_are_not_waited_for() -> None:
    clock = Clock()
    catch_up.wait(lambda: {0: (7, 7)}, dict, timeout_s=0, clock=clock, sleep=clock.sleep)
    assert clock.now == 0


def test_a_stream_that_stands_still_is_named_with_what_is_missing() -> None:
    clock = Clock()
    with pytest.raises(StorageError, match="has not stored 6 records within 30 s"):
        catch_up.wait(lambda: {0: (0, 10)}, lambda: {0: 4}, timeout_s=30, clock=clock, sleep=clock.sleep)


def test_records_that_arrive_during_the_wait_are_not_waited_for() -> None:
    ends = iter([{0: (0, 3)}])
    catch_up.wait(lambda: next(ends), lambda: {0: 3}, timeout_s=0)
