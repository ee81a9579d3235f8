"""What a record must be to count as an event, and what a day's events say about a listener and an episode."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from jobs.shared import tables
from jobs.shared.engagement import COUNT_BY_KIND, ENGAGEMENT_SQL
from jobs.shared.errors import RecordError
from jobs.shared.models import EventKind, UserEvent
from jobs.shared.topics import USER_EVENTS

KINDS = frozenset(EventKind)
MAX_PAYLOAD = 10_000
"""Characters of a refused record that its dead letter keeps."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PLACE = pa.schema([("partition", pa.int32()), ("offset", pa.int64())])
REFUSAL = pa.schema([("reason", pa.string()), ("message", pa.string()), ("payload", pa.string())])
PARSED = pa.schema([*PLACE, *tables.USER_EVENTS.schema, *REFUSAL])
"""A record with its place: either an event, or a reason why it is none."""


def judge(value: bytes | None, received_at: datetime, *, late: timedelta, future: timedelta) -> UserEvent:
    """The event of one record; RecordError empty, not-json, wrong-fields, unknown-kind, late or future says why there is none."""
    try:
        event: UserEvent = USER_EVENTS.decode(value)
    except RecordError as error:
        if error.reason == "wrong-fields" and str(error).startswith("kind: Input should be"):
            raise RecordError("unknown-kind", str(error)) from error
        raise
    # Kafka's own time of receipt, not the present: a replayed batch must be judged as it was the first time.
    if event.ts > received_at + future:
        raise RecordError("future", f"ts {event.ts.isoformat()} is ahead of {received_at.isoformat()}, when it was received")
    if event.ts < received_at - late:
        raise RecordError("late", f"ts {event.ts.isoformat()} is more than {late.days} days before {received_at.isoformat()}, when it was received")
    return event


def parse(batches: Iterable[pa.RecordBatch], *, late: timedelta, future: timedelta) -> Iterator[pa.RecordBatch]:
    """Records (value, partition, offset, timestamp) as rows of PARSED; nothing is dropped."""
    for batch in batches:
        columns: dict[str, list[object]] = {name: [] for name in PARSED.names}
        put = [columns[name].append for name in PARSED.names]
        records = zip(*(batch.column(name).to_pylist() for name in ("value", "partition", "offset", "timestamp")), strict=True)
        for value, partition, offset, received_at in records:
            try:
                event = judge(value, received_at.astimezone(UTC), late=late, future=future)
                row = (partition, offset, *event_row(event), None, None, None)
            except RecordError as error:
                payload = (value or b"").decode("utf-8", errors="replace")[:MAX_PAYLOAD]
                row = (partition, offset, *(None,) * len(tables.USER_EVENTS.schema), error.reason, str(error), payload)
            for append, cell in zip(put, row, strict=True):
                append(cell)
        yield pa.RecordBatch.from_pydict(columns, schema=PARSED)


def event_row(event: UserEvent) -> tuple[object, ...]:
    """The event as a row of `user_events`."""
    ts = event.ts.astimezone(UTC)
    minute = (ts - EPOCH) // timedelta(minutes=1)
    return (event.event_id, event.user_id, event.episode_id, event.kind.value, event.rating, event.position_s, ts, minute, ts.date())


_COUNTS = ",\n  ".join(f"CAST(count(CASE WHEN kind = '{kind}' THEN 1 END) AS INT) AS {column}" for kind, column in COUNT_BY_KIND.items())

DAILY_SQL = f"""
SELECT *, {ENGAGEMENT_SQL} AS engagement FROM (
SELECT
  user_id, episode_id, day,
  {_COUNTS},
  max(CASE WHEN kind = 'rate' AND (next_day IS NULL OR next_day <> day) THEN rating END) AS rating,
  sum(CASE
    WHEN kind IN ('pause', 'skip', 'complete') AND previous_kind = 'play' AND previous_day >= day - INTERVAL '1' DAY
      THEN greatest(coalesce(position_s - previous_position_s, 0.0), 0.0)
    ELSE 0.0 END) AS listened_s,
  max(ts) AS last_event_at
FROM (
  SELECT
    *,
    lag(kind) OVER told AS previous_kind,
    lag(position_s) OVER told AS previous_position_s,
    lag(day) OVER told AS previous_day,
    lead(day) OVER told AS next_day
  FROM (SELECT *, CASE WHEN kind IN ('like', 'rate') THEN kind ELSE 'transport' END AS channel FROM {{events}}) AS marked
  WINDOW told AS (PARTITION BY user_id, episode_id, channel ORDER BY ts, event_id)
) AS told_in_order
GROUP BY user_id, episode_id, day
) AS days"""  # noqa: S608 - made of constants
"""Rows of `user_vs_episode_daily` from all events of some listeners with some episodes on a day and the day before.

Seconds listened: from a play (or resume) to the pause, skip or complete that follows it, counted on the day of the latter; likes and
ratings in between change nothing. A play of more than one day before is forgotten, so that a day depends on two days alone. The last
rating of the day wins. The text means the same to Spark and to DuckDB.
"""
