"""Stores listener events and what each day says about a listener and an episode.

Reads   topic user-events; table user_events
Writes  tables user_events (each event_id once) and user_vs_episode_daily (recomputed, never added to); topic user-events.dead
Needs   Kafka, the lake, Java 17 (Spark)

--wait stores nothing and ends when a stream that runs elsewhere has stored what the topic holds now.
--once takes everything that is there and ends; without it the stream runs for ever, and SIGTERM ends it.
Delivery: exactly once. Offsets are Spark's checkpoint; a batch that is played again is judged by the same clock (Kafka's time of receipt),
appended under its own transaction number and deduplicated by event_id against what is stored, and the days it touches are computed
again from the stored events. Dead letters are at least once: topic, partition and offset say which record a letter is about.
An event_id belongs to one time: the same id at a time outside that of the batch is taken for another event.
One bad record: to user-events.dead with its reason: empty, not-json, wrong-fields, unknown-kind, late, future. It stops nothing.

Spark brings the records, cuts them into batches and judges them in parallel; a batch is then one Arrow table, stored by delta-rs: a
micro-batch costs tenths of a second instead of the seconds of several Spark jobs, and its commits exclude other writers on every store.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from jobs.shared import tables, topics
from jobs.shared.log import progress, stage_logger
from jobs.shared.ports import EventLog, TableWriter
from jobs.stream_events import core

STAGE = "stream_events"
MOST_USERS_NAMED = 5_000
"""Up to so many listeners of a batch are named when their days are read; with more, whole days are read."""

logger = stage_logger(STAGE)


@dataclass
class Counts:
    """What all batches of this run did."""

    read: int = 0
    written: int = 0
    duplicates: int = 0
    dead: Counter[str] = field(default_factory=Counter)


class EventSink:
    """Stores batches of parsed records (core.PARSED); storing one twice changes nothing."""

    def __init__(self, lake: TableWriter, dead_letters: EventLog, query_id: Callable[[], str]) -> None:
        self._lake = lake
        self._dead_letters = dead_letters
        self._query_id = query_id
        self.counts = Counts()

    def write(self, parsed: pa.Table, batch_id: int) -> None:
        """Store one batch: dead letters, then events, then the days they touch."""
        began = time.monotonic()
        good = pc.is_null(parsed["reason"])
        events, refused = parsed.filter(good), parsed.filter(pc.invert(good))
        dead = Counter(refused["reason"].to_pylist())
        if refused.num_rows:
            self._dead_letters.publish(topics.USER_EVENTS_DEAD, _letters(refused))
        written = 0
        if events.num_rows:
            written = self._append(events, batch_id)
            # Of the whole batch, not of what is new in it: events that were stored just before a crash are not new any more.
            self._recompute(events)
        self.counts.read += parsed.num_rows
        self.counts.written += written
        self.counts.duplicates += events.num_rows - written
        self.counts.dead += dead
        elapsed_s = time.monotonic() - began
        progress(
            logger,
            "events stored",
            self.counts.written,
            batch=batch_id,
            read=parsed.num_rows,
            duplicates=events.num_rows - written,
            dead=dead.total(),
            batch_s=round(elapsed_s, 2),
            events_per_s=round(parsed.num_rows / elapsed_s),
        )

    def _append(self, events: pa.Table, batch_id: int) -> int:
        minutes = pc.min_max(events["ts_min"]).as_py()
        # Both conditions: then only the files are opened that can hold an event of this batch.
        near = [("day", "in", _days(events)), ("ts_min", ">=", minutes["min"]), ("ts_min", "<=", minutes["max"])]
        known = self._lake.read(tables.USER_EVENTS, ["event_id"], near)
        new = core.without(core.first_of_each(events), known["event_id"])
        if not new.num_rows:
            return 0
        # In order of time, so that readers skip row groups and files.
        rows = new.select(tables.USER_EVENTS.columns).sort_by([("day", "ascending"), ("ts_min", "ascending")])
        added = self._lake.append_once(tables.USER_EVENTS, rows, (self._query_id(), batch_id))
        return int(rows.num_rows) if added else 0

    def _recompute(self, events: pa.Table) -> None:
        where = [("day", "in", core.around(_days(events)))]
        users = pc.unique(events["user_id"]).to_pylist()
        if len(users) <= MOST_USERS_NAMED:
            where.append(("user_id", "in", users))
        columns = [*core.KEY, "event_id", "kind", "rating", "position_s", "ts"]
        stored = self._lake.read(tables.USER_EVENTS, columns, where)
        self._lake.upsert(tables.USER_VS_EPISODE_DAILY, core.daily(stored, core.touched(events)))


def _days(events: pa.Table) -> list[date]:
    return list(pc.unique(events["day"]).to_pylist())


def _letters(refused: pa.Table) -> Iterator[topics.DeadLetter]:
    for row in refused.select(["partition", "offset", "reason", "message", "payload"]).to_pylist():
        yield topics.DeadLetter(topic=topics.USER_EVENTS.name, **row)
