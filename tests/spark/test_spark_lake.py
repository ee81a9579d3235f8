"""Spark and delta-rs read and write the same tables, with the same keys and provenance."""

import datetime as dt

import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.shared import tables
from jobs.shared.models import Provenance
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.spark_delta import SparkLake, spark_schema

PROVENANCE = Provenance(stage="train_als", settings="abc", sources={"user_vs_episode_daily": 3})


def scores(lake: DeltaLake) -> dict[tuple[str, int], str]:
    return {(row["episode_id"], row["rank"]): row["similar_episode_id"] for row in lake.read(tables.SIMILARITIES).to_pylist()}


def test_an_upsert_by_spark_is_keyed_and_carries_provenance(spark: SparkSession, spark_lake: SparkLake, lake: DeltaLake) -> None:
    schema = spark_schema(tables.SIMILARITIES)
    spark_lake.upsert(tables.SIMILARITIES, spark.createDataFrame([("a", 1, "b", 0.9), ("a", 2, "c", 0.8)], schema), provenance=PROVENANCE)
    spark_lake.upsert(tables.SIMILARITIES, spark.createDataFrame([("a", 2, "d", 0.85)], schema), provenance=PROVENANCE)
    assert scores(lake) == {("a", 1): "b", ("a", 2): "d"}
    newest = lake.newest(tables.SIMILARITIES)
    assert newest is not None
    assert newest.provenance == PROVENANCE


def test_replace_puts_new_rows_in_the_place_of_one_generation(spark: SparkSession, spark_lake: SparkLake, lake: DeltaLake) -> None:
    schema = spark_schema(tables.ALS_USER_FACTORS)
    for generation, user in [("g1", "u1"), ("g2", "u1"), ("g2", "u2")]:
        frame = spark.createDataFrame([(generation, user, [0.5, 1.0])], schema)
        spark_lake.replace(tables.ALS_USER_FACTORS, frame, [("generation", "=", generation)], PROVENANCE)
    rows = lake.read(tables.ALS_USER_FACTORS).to_pylist()
    assert sorted((row["generation"], row["user_id"], row["factors"]) for row in rows) == [("g1", "u1", [0.5, 1.0]), ("g2", "u2", [0.5, 1.0])]


def test_an_append_of_the_same_transaction_writes_once(spark: SparkSession, spark_lake: SparkLake, lake: DeltaLake) -> None:
    now = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
    row = ("e1", "u", "ep", "play", None, 0.0, now, int(now.timestamp() // 60), now.date())
    frame = spark.createDataFrame([row], spark_schema(tables.USER_EVENTS))
    for version in (0, 0, 1, 1):
        spark_lake.append(tables.USER_EVENTS, frame, txn=("query-1", version))
    rows = lake.read(tables.USER_EVENTS)
    assert rows.num_rows == 2
    assert rows["ts"][0].as_py() == now


def test_spark_reads_what_delta_rs_wrote_and_nothing_where_there_is_none(spark_lake: SparkLake, lake: DeltaLake) -> None:
    assert spark_lake.read(tables.EPISODES).count() == 0
    rows = [{"episode_id": "a", "vector": [1.0, 2.0], "model": "m"}]
    lake.upsert(tables.EPISODE_VECTORS, pa.Table.from_pylist(rows, schema=tables.EPISODE_VECTORS.schema))
    assert [list(row.vector) for row in spark_lake.read(tables.EPISODE_VECTORS).collect()] == [[1.0, 2.0]]
