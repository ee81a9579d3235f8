"""Cuts new transcripts into timed chunks, encodes them, and pools each episode's chunks into one vector.

Reads     Delta transcripts; which episodes have a vector of this model: episode_vectors
Writes    Delta chunks (key episode_id, chunk_index), episode_vectors (key episode_id)
Needs     Java 17 and the Spark jars; the encoder's model
Delivery  an episode's chunks are replaced as a whole, its vector is written last and marks it as done: a run that was
          killed encodes at most `episodes_per_commit` episodes again, with the same result
Bad item  an episode that the encoder cannot encode is counted and left for the next run; an empty transcript (silence)
          has no vector and is passed over
A changed model embeds everything again; changed chunk settings count for episodes embedded from then on.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.embed import core
from jobs.shared import log, tables
from jobs.shared.entry import Report
from jobs.shared.errors import EncodingError
from jobs.shared.ports import Encoder, TableReader

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import SparkSession

    from jobs.shared.storage.spark_delta import SparkLake

logger = log.stage_logger("embed")

ENCODED = pa.schema([*tables.CHUNKS.schema, pa.field("episode_vector", tables.VECTOR), pa.field("failure", pa.string())])
"""Rows that leave a task: chunks, the first of an episode with the episode's vector; or one row with the reason of a failure."""


def pending(lake: TableReader, model: str) -> tuple[list[str], int]:
    """Episodes with words and without a vector of this model, in order, and the number of all other transcripts."""
    transcribed = set(lake.read(tables.TRANSCRIPTS, ["episode_id"])["episode_id"].to_pylist())
    done = set(lake.read(tables.EPISODE_VECTORS, ["episode_id"], [("model", "=", model)])["episode_id"].to_pylist())
    missing = transcribed - done
    if missing:
        missing &= set(lake.read(tables.TRANSCRIPTS, ["episode_id"], [("text", "!=", "")])["episode_id"].to_pylist())
    return sorted(missing), len(transcribed) - len(missing)


def run(
    spark: "SparkSession",
    lake: "SparkLake",
    episode_ids: Sequence[str],
    open_encoder: Callable[[], Encoder],
    *,
    chunk_tokens: int,
    overlap_tokens: int,
    episodes_per_commit: int,
    episodes_per_task: int,
) -> Report:
    """Embed these episodes. `open_encoder` is called in Spark's workers and must be importable there."""
    from pyspark.sql import functions as F

    from jobs.shared.storage.spark_delta import spark_schema

    counted = spark.sparkContext.accumulator(0)
    failures: Counter[str] = Counter()
    written = chunk_count = 0
    task = Task(open_encoder, chunk_tokens, overlap_tokens, counted)
    schema = spark_schema(tables.Table("encoded", ENCODED, key=(), written_by="embed"))
    with _progress(counted, len(episode_ids)):
        for begin in range(0, len(episode_ids), episodes_per_commit):
            ids = list(episode_ids[begin : begin + episodes_per_commit])
            transcripts = lake.read(tables.TRANSCRIPTS, ["episode_id", "text", "segments"]).where(F.col("episode_id").isin(ids))
            tasks = -(-len(ids) // episodes_per_task)
            encoded = transcripts.repartition(tasks).mapInArrow(task, schema).persist()
            outcome = encoded.where("failure IS NOT NULL OR episode_vector IS NOT NULL").select("episode_id", "failure").collect()
            failures.update(row.failure for row in outcome if row.failure is not None)
            done = sorted(row.episode_id for row in outcome if row.failure is None)
            if done:
                of_these = [("episode_id", "in", done)]
                lake.replace(tables.CHUNKS, encoded.where("failure IS NULL").coalesce(1), of_these)
                vectors = encoded.where("episode_vector IS NOT NULL").select("episode_id", F.col("episode_vector").alias("vector"), "model")
                lake.replace(tables.EPISODE_VECTORS, vectors.coalesce(1), of_these)
                chunk_count += encoded.where("failure IS NULL").count()
            encoded.unpersist()
            written += len(done)
    return Report(
        read=len(episode_ids),
        written=written,
        failed=failures.total(),
        details={"chunks": chunk_count, "failures": dict(failures)},
    )


class Task:
    """What one Spark task does with its transcripts."""

    def __init__(self, open_encoder: Callable[[], Encoder], chunk_tokens: int, overlap_tokens: int, counted: "Accumulator[int]") -> None:
        self._open_encoder = open_encoder
        self._chunk_tokens = chunk_tokens
        self._overlap_tokens = overlap_tokens
        self._counted = counted

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of `ENCODED`, an episode at a time."""
        encoder = self._open_encoder()
        for batch in batches:
            for transcript in batch.to_pylist():
                spoken = core.speech(transcript["text"], transcript["segments"] or ())
                yield encode(encoder, transcript["episode_id"], spoken, self._chunk_tokens, self._overlap_tokens)
                self._counted.add(1)


def encode(encoder: Encoder, episode_id: str, spoken: core.Speech, chunk_tokens: int, overlap_tokens: int) -> pa.RecordBatch:
    """The chunks of one episode as rows of `ENCODED`, or the one row that says why there are none."""
    limit = min(chunk_tokens - 2, encoder.max_tokens)
    found = core.chunks(spoken, encoder.tokens(spoken.text), limit, overlap_tokens)
    if not found:
        return _failure(episode_id, "no-words")
    try:
        vectors = encoder.encode([chunk.text for chunk in found])
    except EncodingError as error:
        logger.warning("cannot encode", extra={"episode_id": episode_id, "reason": error.reason, "error": str(error)})
        return _failure(episode_id, error.reason)
    rows = [
        {
            "episode_id": episode_id,
            "chunk_index": index,
            "start_s": chunk.start_s,
            "end_s": chunk.end_s,
            "text": chunk.text,
            "vector": vectors[index],
            "model": encoder.model,
            "episode_vector": core.pool(vectors) if index == 0 else None,
        }
        for index, chunk in enumerate(found)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=ENCODED)


def _failure(episode_id: str, reason: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"episode_id": episode_id, "failure": reason}], schema=ENCODED)


@contextmanager
def _progress(counted: "Accumulator[int]", total: int, every_s: float = 1.0) -> Iterator[None]:
    """Logs the number of encoded episodes while Spark works."""
    ended = threading.Event()

    def watch() -> None:
        said = -1
        while not ended.wait(every_s):
            if counted.value != said:
                said = counted.value
                log.progress(logger, "episodes embedded", said, total)

    watcher = threading.Thread(target=watch, name="embed-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
