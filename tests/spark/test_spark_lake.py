"""Spark and delta-rs read and write the same tables, with the same keys and provenance."""

import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.shared import tables
from jobs.shared.models import Provenance
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.spark_delta import SparkLake, spark_schema

PROVENANCE = Provenance(stage="train_als", settings="abc", sources={"user_vs_episode_daily": 3})


def test_replace_puts_new_rows_in_the_place_of_one_generation(spark: SparkSession, spark_lake: SparkLake, lake: DeltaLake) -> None:
    schema = spark_schema(tables.ALS_USER_FACTORS)
    for generation, user in [("g1", "u1"), ("g2", "u1"), ("g2", "u2")]:
        frame = spark.createDataFrame([(generation, user, [0.5, 1.0])], schema)
        spark_lake.replace(tables.ALS_USER_FACTORS, frame, [("generation", "=", generation)], PROVENANCE)
    rows = lake.read(tables.ALS_USER_FACTORS).to_pylist()
    assert sorted((row["generation"], row["user_id"], row["factors"]) for row in rows) == [("g1", "u1", [0.5, 1.0]), ("g2", "u2", [0.5, 1.0])]
    newest = lake.newest(tables.ALS_USER_FACTORS)
    assert newest is not None
    assert newest.provenance == PROVENANCE


def test_spark_reads_what_delta_rs_wrote_and_nothing_where_there_is_none(spark_lake: SparkLake, lake: DeltaLake) -> None:
    assert spark_lake.read(tables.EPISODES).count() == 0
    rows = [{"episode_id": "a", "vector": [1.0, 2.0], "model": "m"}]
    lake.upsert(tables.EPISODE_VECTORS, pa.Table.from_pylist(rows, schema=tables.EPISODE_VECTORS.schema))
    assert [list(row.vector) for row in spark_lake.read(tables.EPISODE_VECTORS).collect()] == [[1.0, 2.0]]
