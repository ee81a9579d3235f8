"""stream_events that kills itself, as the machine would, at the point that the arguments name.

`python -m tests.faults.killed_stream POINT NUMBER --config FILE --once` dies at the NUMBER-th passing of the point.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from jobs.shared.entry import main
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.kafka import KafkaLog
from jobs.stream_events.__main__ import arguments, start
from jobs.stream_events.settings import StreamEventsSettings


def die(*_arguments: Any) -> None:
    # The JVM is a child that would otherwise go on for a moment: a machine that loses power takes both.
    os.killpg(os.getpgid(0), signal.SIGKILL)


def at_call(function: Callable[..., Any], number: int, *, after: bool) -> Callable[..., Any]:
    """`function`, whose `number`-th call dies before or after it did its work."""
    calls = 0

    def wrapped(*values: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            die()
        result = function(*values, **named)
        if calls == number:
            die()
        return result

    return wrapped


POINTS = {
    "letters": (KafkaLog, "publish", True),
    "append": (DeltaLake, "append_once", False),
    "appended": (DeltaLake, "append_once", True),
    "upserted": (DeltaLake, "upsert", True),
}

if __name__ == "__main__":
    kind, name, after = POINTS[sys.argv[1]]
    setattr(kind, name, at_call(getattr(kind, name), int(sys.argv[2]), after=after))
    raise SystemExit(main("stream_events", StreamEventsSettings, start, doc=__doc__, arguments=arguments, argv=sys.argv[3:]))
