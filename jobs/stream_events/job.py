"""Stores listener events and what each day says about a listener and an episode.

Reads   topic user-events; table user_events
Writes  tables user_events (each event_id once) and user_vs_episode_daily (recomputed, never added to); topic user-events.dead
Needs   Kafka, the lake, Java 17 (Spark)

--once takes everything that is there and ends; without it the stream runs for ever, and SIGTERM ends it between two writes.
Delivery: exactly once. Offsets are Spark's checkpoint; a batch that is played again is judged by the same clock (Kafka's time of receipt),
appended under its own transaction number and deduplicated by event_id against what is stored, and the days it touches are computed
again from the stored events. Dead letters are at least once: topic, partition and offset say which record a letter is about.
An event_id belongs to one time: the same id at another minute outside the batch is taken for another event.
One bad record: to user-events.dead with its reason: empty, not-json, wrong-fields, unknown-kind, late, future. It stops nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from jobs.shared import tables, topics
from jobs.shared.entry import Report
from jobs.shared.errors import StorageError
from jobs.shared.log import progress, stage_logger
from jobs.shared.ports import EventLog
from jobs.shared.storage.spark_delta import SparkLake
from jobs.stream_events import frames
from jobs.stream_events.settings import StreamEventsSettings

STAGE = "stream_events"
LOOK_EVERY_S = 1.0

logger = stage_logger(STAGE)


@dataclass
class Counts:
    """What all batches of this run did."""

    read: int = 0
    written: int = 0
    duplicates: int = 0
    dead: Counter[str] = field(default_factory=Counter)


class EventSink:
    """Stores micro-batches; storing one twice changes nothing."""

    def __init__(self, lake: SparkLake, dead_letters: EventLog, query_id: Callable[[], str], settings: StreamEventsSettings) -> None:
        self._lake = lake
        self._dead_letters = dead_letters
        self._query_id = query_id
        self._settings = settings
        self.counts = Counts()

    def write(self, records: DataFrame, batch_id: int) -> None:
        """Store one batch of Kafka records: dead letters, then events, then the days they touch."""
        began = time.monotonic()
        late, future = timedelta(days=self._settings.late_days), timedelta(seconds=self._settings.future_s)
        parsed = frames.parsed(records, late=late, future=future).persist()
        try:
            read, dead, span = self._survey(parsed)
            if dead:
                self._dead_letters.publish(topics.USER_EVENTS_DEAD, _letters(parsed))
            written = self._store(parsed.where("reason IS NULL"), span, batch_id) if span is not None else 0
        finally:
            parsed.unpersist()
        duplicates = read - dead.total() - written
        self.counts.read += read
        self.counts.written += written
        self.counts.duplicates += duplicates
        self.counts.dead += dead
        elapsed_s = time.monotonic() - began
        progress(
            logger,
            "events stored",
            self.counts.written,
            batch=batch_id,
            read=read,
            duplicates=duplicates,
            dead=dead.total(),
            batch_s=round(elapsed_s, 2),
            events_per_s=round(read / elapsed_s),
        )

    def _survey(self, parsed: DataFrame) -> tuple[int, Counter[str], "Span | None"]:
        by_day = parsed.groupBy("reason", "day").agg(F.count("*").alias("records"), F.min("ts_min").alias("first"), F.max("ts_min").alias("last")).collect()
        good = [row for row in by_day if row["reason"] is None]
        dead: Counter[str] = Counter()
        for row in by_day:
            if row["reason"] is not None:
                dead[row["reason"]] += row["records"]
        span = Span(tuple(row["day"] for row in good), min(row["first"] for row in good), max(row["last"] for row in good)) if good else None
        return sum(row["records"] for row in by_day), dead, span

    def _store(self, accepted: DataFrame, span: "Span", batch_id: int) -> int:
        stored = self._lake.read(tables.USER_EVENTS)
        # Both conditions, as literals: Delta then opens only the files that can hold an event of this batch.
        near = stored.where(F.col("day").isin(*span.days) & F.col("ts_min").between(span.first_minute, span.last_minute))
        new = frames.laid_out(frames.new_events(accepted, near)).persist()
        try:
            written = new.count()
            if written:
                self._lake.append(tables.USER_EVENTS, new, txn=(self._query_id(), batch_id))
        finally:
            new.unpersist()
        self._recompute(accepted, span)
        return written

    def _recompute(self, accepted: DataFrame, span: "Span") -> None:
        """Days of the whole batch, not of its new events: events that were stored just before a crash are not new any more."""
        keys = frames.touched(accepted).persist()
        try:
            stored = self._lake.read(tables.USER_EVENTS).where(F.col("day").isin(*frames.around(span.days)))
            days = sorted({*span.days, *(day + frames.ONE_DAY for day in span.days)})
            listed = ", ".join(f"DATE '{day.isoformat()}'" for day in days)
            self._lake.upsert(tables.USER_VS_EPISODE_DAILY, frames.recomputed(stored, keys), condition=f"t.day IN ({listed})")
        finally:
            keys.unpersist()


@dataclass(frozen=True)
class Span:
    """The time that a batch's events cover."""

    days: tuple[date, ...]
    first_minute: int
    last_minute: int


def _letters(parsed: DataFrame) -> Iterator[topics.DeadLetter]:
    refused = parsed.where("reason IS NOT NULL").select("partition", "offset", "reason", "message", "payload")
    for row in refused.toLocalIterator():
        yield topics.DeadLetter(topic=topics.USER_EVENTS.name, **row.asDict())


def run(spark: SparkSession, sink: EventSink, source: dict[str, str], checkpoint: str, settings: StreamEventsSettings, *, once: bool) -> Report:
    """Run the stream on the Kafka source with these options until it has drained the topic (`once`) or is told to end."""
    began = time.monotonic()
    records = spark.readStream.format("kafka").options(**source).load()
    writer = records.writeStream.queryName(STAGE).foreachBatch(sink.write).option("checkpointLocation", checkpoint)
    writer = writer.trigger(availableNow=True) if once else writer.trigger(processingTime=f"{settings.trigger_interval_s} seconds")
    stopped = False
    try:
        query = writer.start()
        try:
            _wait(query)
        except KeyboardInterrupt:
            if once:
                raise
            stopped = True
        finally:
            query.stop()
    except (PySparkException, Py4JJavaError) as error:
        raise StorageError(f"the stream from {settings.kafka.bootstrap_servers} to {settings.lake.uri} failed: {_cause(error)}") from error
    counts = sink.counts
    elapsed_s = time.monotonic() - began
    return Report(
        read=counts.read,
        written=counts.written,
        skipped=counts.duplicates,
        failed=counts.dead.total(),
        details={"dead": dict(counts.dead), "events_per_s": round(counts.read / elapsed_s), "stopped": stopped},
    )


def _wait(query: StreamingQuery) -> None:
    # In short waits: a signal is only seen between two calls into the JVM.
    while not query.awaitTermination(LOOK_EVERY_S):  # type: ignore[arg-type]
        pass


def _cause(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
