"""Waiting, without Spark, until the running stream has stored what the topic held when the wait began."""

import time
from collections.abc import Callable

from jobs.shared.entry import Report
from jobs.shared.errors import StorageError
from jobs.shared.log import stage_logger

LOOK_EVERY_S = 2.0
SAY_EVERY_S = 15.0

logger = stage_logger("stream_events")


def wait(
    ends: Callable[[], dict[int, tuple[int, int]]],
    stored: Callable[[], dict[int, int]],
    *,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Return when every partition is stored up to the end that it has now; `ends` and `stored` are by partition.

    StorageError, with what is missing, after `timeout_s` seconds. Records that arrive during the wait are not waited for.
    """
    wanted = ends()
    began = said = clock()
    while True:
        done = stored()
        missing = sum(max(end - max(done.get(partition, first), first), 0) for partition, (first, end) in wanted.items())
        if not missing:
            return Report(skipped=sum(end - first for first, end in wanted.values()), details={"waited_s": round(clock() - began, 1)})
        now = clock()
        if now - began > timeout_s:
            raise StorageError(
                f"the stream has not stored {missing} records within {timeout_s:.0f} s: does it run? See the log of the Deployment stream-events"
            )
        if now - said >= SAY_EVERY_S:
            logger.info("waiting for the stream", extra={"records_missing": missing, "waited_s": round(now - began)})
            said = now
        sleep(LOOK_EVERY_S)
