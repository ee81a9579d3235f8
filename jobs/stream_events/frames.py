"""The data frames of one micro-batch: parsed records, new events, recomputed days."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.shared import tables
from jobs.stream_events import core

EVENT = tables.USER_EVENTS.columns
KEY = list(tables.USER_VS_EPISODE_DAILY.key)
PAIR = ["user_id", "episode_id"]
ONE_DAY = timedelta(days=1)


def parsed(records: DataFrame, *, late: timedelta, future: timedelta) -> DataFrame:
    """Every record of the batch as an event or as a refusal."""

    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return core.parse(batches, late=late, future=future)

    return records.select("value", "partition", "offset", "timestamp").mapInArrow(parse, from_arrow_schema(core.PARSED))


def new_events(accepted: DataFrame, stored: DataFrame) -> DataFrame:
    """Events whose id is not stored, each once; of records with one id the first in the topic counts."""
    first = accepted.groupBy("event_id").agg(F.min(F.struct("partition", "offset", *EVENT[1:])).alias("first"))
    known = stored.select("event_id")
    return first.select("event_id", *(f"first.{name}" for name in EVENT[1:])).join(known, "event_id", "left_anti")


def laid_out(events: DataFrame) -> DataFrame:
    """The events as they are to lie in files: one file a day, in order of time, so that readers skip files."""
    return events.repartition("day").sortWithinPartitions("day", "ts_min")


def touched(accepted: DataFrame) -> DataFrame:
    """Keys of user_vs_episode_daily that the batch can change: the day of an event, and the next, on which what was begun may end."""
    keys = accepted.select(*KEY)
    return keys.union(keys.withColumn("day", F.date_add("day", 1))).distinct()


def recomputed(stored: DataFrame, keys: DataFrame) -> DataFrame:
    """The rows of user_vs_episode_daily of these keys, from the stored events alone."""
    pairs = keys.select(*PAIR).distinct()
    events = stored.join(F.broadcast(pairs), PAIR, "left_semi")
    daily = stored.sparkSession.sql(core.DAILY_SQL, events=events)
    return daily.join(F.broadcast(keys), KEY, "left_semi")


def around(days: Iterable[date]) -> list[date]:
    """These days with the one before and the one after each."""
    return sorted({day + step * ONE_DAY for day in days for step in (-1, 0, 1)})
