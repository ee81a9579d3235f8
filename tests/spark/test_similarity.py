"""Similarity through Spark and Delta: planted topics, and growth that equals a full run."""

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.shared import tables
from jobs.shared.entry import Report
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.spark_delta import SparkLake
from jobs.similarity import job

TOPICS = {"cooking": "butter flour oven bread dough recipe", "space": "rocket orbit planet telescope moon star"}


def embedded(lake: DeltaLake, *numbers: int) -> None:
    """Episodes of two topics that differ in their words alone."""
    names = [f"{topic}-{number}" for number in numbers for topic in TOPICS]
    texts = [{"episode_id": name, "text": f"{TOPICS[name.split('-')[0]]} {name}", "segments": []} for name in names]
    lake.upsert(tables.TRANSCRIPTS, pa.Table.from_pylist(texts, schema=tables.TRANSCRIPTS.schema))
    vectors = [{"episode_id": name, "vector": np.random.default_rng(list(name.encode())).random(8), "model": "m"} for name in names]
    lake.upsert(tables.EPISODE_VECTORS, pa.Table.from_pylist(vectors, schema=tables.EPISODE_VECTORS.schema))


def compare(spark: SparkSession, lake: DeltaLake, spark_lake: SparkLake, digest: str = "d") -> Report:
    source = job.news(lake, digest)
    assert source is not None
    return job.run(spark, lake, spark_lake, source, digest, neighbours=4, mix=job.Mix(0.9, 1024), rows_per_task=3)


def similar(lake: DeltaLake) -> pa.Table:
    return lake.read(tables.SIMILARITIES).sort_by([("episode_id", "ascending"), ("rank", "ascending")])


def test_planted_topics_are_found_and_added_episodes_give_what_a_full_run_gives(spark: SparkSession, lake: DeltaLake, spark_lake: SparkLake) -> None:
    embedded(lake, 1, 2, 3, 4)
    first = compare(spark, lake, spark_lake)
    assert (first.read, first.details["described"], first.details["full"]) == (8, 8, True)
    rows = similar(lake).to_pylist()
    assert len(rows) == 8 * 4
    assert all(row["similar_episode_id"].split("-")[0] == row["episode_id"].split("-")[0] for row in rows if row["rank"] <= 3)
    assert job.news(lake, "d") is None

    embedded(lake, 0)
    grown = compare(spark, lake, spark_lake)
    assert (grown.details["described"], grown.details["compared"], grown.details["full"]) == (2, 2, False)
    incremental = similar(lake)
    assert compare(spark, lake, spark_lake, "other settings").details["full"]
    assert similar(lake) == incremental
    assert "cooking-0" in incremental["similar_episode_id"].to_pylist()
