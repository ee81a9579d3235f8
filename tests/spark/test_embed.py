"""Embed through Spark and Delta: only what is new, the rest unharmed, and no stale chunk."""

from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.embed import core, job
from jobs.shared import tables
from jobs.shared.entry import Report
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryEncoder
from jobs.shared.storage.spark_delta import SparkLake

LONG = " ".join(f"Sentence {index} of many." for index in range(40))


def transcribed(lake: DeltaLake, **texts: str) -> None:
    rows = [
        {"episode_id": name, "text": text, "segments": [{"start_s": 0.0, "end_s": 60.0, "speaker": None, "text": text}] if text else []}
        for name, text in texts.items()
    ]
    lake.upsert(tables.TRANSCRIPTS, pa.Table.from_pylist(rows, schema=tables.TRANSCRIPTS.schema))


def embed(spark: SparkSession, lake: DeltaLake, spark_lake: SparkLake, broken_word: str | None = None) -> Report:
    ids, _ = job.pending(lake, "words")
    open_encoder = partial(MemoryEncoder, broken_word=broken_word)
    return job.run(spark, spark_lake, ids, open_encoder, chunk_tokens=32, overlap_tokens=6, episodes_per_commit=2, episodes_per_task=1)


def test_a_bad_episode_is_left_for_the_next_run_and_the_rest_is_written(spark: SparkSession, lake: DeltaLake, spark_lake: SparkLake) -> None:
    transcribed(lake, a=LONG, b="A boom. " + LONG, c="Short.", silent="")
    first = embed(spark, lake, spark_lake, broken_word="boom")
    assert (first.read, first.written, first.failed, first.details["failures"]) == (3, 2, 1, {"encoder-failed": 1})
    chunks = lake.read(tables.CHUNKS).sort_by([("episode_id", "ascending"), ("chunk_index", "ascending")]).to_pylist()
    of_a = [row for row in chunks if row["episode_id"] == "a"]
    assert {row["episode_id"] for row in chunks} == {"a", "c"}
    assert first.details["chunks"] == len(chunks)
    assert [row["chunk_index"] for row in of_a] == list(range(len(of_a)))
    assert (of_a[0]["start_s"], of_a[-1]["end_s"]) == (0.0, 60.0)
    vectors = {row["episode_id"]: row["vector"] for row in lake.read(tables.EPISODE_VECTORS).to_pylist()}
    assert np.allclose(vectors["a"], core.pool(np.array([row["vector"] for row in of_a], dtype=np.float32)))
    assert job.pending(lake, "words") == (["b"], 3)


def test_a_run_killed_before_the_vector_leaves_no_stale_chunk_behind(spark: SparkSession, lake: DeltaLake, spark_lake: SparkLake) -> None:
    transcribed(lake, a="Now it is short.", b="Another one.")
    embed(spark, lake, spark_lake)
    clean = lake.read(tables.CHUNKS).sort_by("episode_id")
    # What a kill between the two writes leaves, when the text was longer then.
    stale = [{"episode_id": "a", "chunk_index": index, "text": "old", "vector": [0.0], "model": "words"} for index in range(5)]
    lake.upsert(tables.CHUNKS, pa.Table.from_pylist(stale, schema=tables.CHUNKS.schema))
    lake.delete(tables.EPISODE_VECTORS, [("episode_id", "=", "a")])
    assert embed(spark, lake, spark_lake).written == 1
    assert lake.read(tables.CHUNKS).sort_by("episode_id") == clean
    assert lake.read(tables.EPISODE_VECTORS).num_rows == 2
