"""The Structured Streaming query that brings records from Kafka to the sink."""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.streaming.query import StreamingQuery

from jobs.shared import topics
from jobs.shared.entry import Report
from jobs.shared.errors import PlatformError, StorageError
from jobs.stream_events import core
from jobs.stream_events.backlog import source_options
from jobs.stream_events.job import STAGE, EventSink
from jobs.stream_events.settings import StreamEventsSettings

LOOK_EVERY_S = 1.0


def parsed(records: DataFrame, *, late: timedelta, future: timedelta) -> DataFrame:
    """Every Kafka record as an event or as a refusal, judged by the workers."""

    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return core.parse(batches, late=late, future=future)

    return records.select("value", "partition", "offset", "timestamp").mapInArrow(parse, from_arrow_schema(core.PARSED))


def run(spark: SparkSession, sink: EventSink, checkpoint: str, settings: StreamEventsSettings, *, once: bool) -> Report:
    """Run until the topic is drained (`once`), or until a signal says to end."""
    began = time.monotonic()
    late, future = timedelta(days=settings.late_days), timedelta(seconds=settings.future_s)
    failures: list[PlatformError] = []

    def store(records: DataFrame, batch_id: int) -> None:
        try:
            sink.write(parsed(records, late=late, future=future).toArrow(), batch_id)
        except PlatformError as error:
            # Py4J would flatten it to a text on its way through the JVM.
            failures.append(error)
            raise

    source = source_options(
        settings.kafka,
        topics.USER_EVENTS,
        max_offsets_per_trigger=settings.max_offsets_per_trigger,
        fail_on_data_loss=settings.fail_on_data_loss,
    )
    stopped = False
    try:
        records = spark.readStream.format("kafka").options(**source).load()
        writer = records.writeStream.queryName(STAGE).foreachBatch(store).option("checkpointLocation", checkpoint)
        query = (writer.trigger(availableNow=True) if once else writer.trigger(processingTime=f"{settings.trigger_interval_s} seconds")).start()
        try:
            _wait(query)
        except KeyboardInterrupt:
            if once:
                raise
            stopped = True
        finally:
            query.stop()
    except (PySparkException, Py4JError) as error:
        if failures:
            raise failures[0] from error
        raise StorageError(f"the stream from Kafka at {settings.kafka.bootstrap_servers} to {settings.lake.uri} failed: {_first_line(error)}") from error
    counts = sink.counts
    return Report(
        read=counts.read,
        written=counts.written,
        skipped=counts.duplicates,
        failed=counts.dead.total(),
        details={"dead": dict(counts.dead), "events_per_s": round(counts.read / (time.monotonic() - began)), "stopped": stopped},
    )


def _wait(query: StreamingQuery) -> None:
    # In short waits: a signal is only seen between two calls into the JVM.
    while not query.awaitTermination(LOOK_EVERY_S):  # type: ignore[arg-type]
        pass


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
