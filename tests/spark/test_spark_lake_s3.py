"""Spark writes and replaces rows of the same tables on a real S3, where delta-rs then reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.shared import tables
from jobs.shared.settings import LakeSettings, S3Settings
from jobs.shared.storage.delta import DeltaLake
from tests.support.object_store import BUCKET

ROOT = Path(__file__).parents[2]
JARS = ROOT / ".earshot" / "jars"

# A process of its own: the object store's jars have to be on the class path when the JVM starts.
PROGRAM = """
import sys
from jobs.shared import tables
from jobs.shared.settings import LakeSettings, S3Settings, SparkSettings
from jobs.shared.spark import session
from jobs.shared.storage.spark_delta import SparkLake, spark_schema
uri, endpoint, *jars = sys.argv[1:]
lake = LakeSettings(uri=uri, s3=S3Settings(endpoint_url=endpoint))
with session("s3", SparkSettings(master="local[2]", jars_dir=":".join(jars), shuffle_partitions=2), lake) as spark:
    store = SparkLake(spark, lake)
    schema = spark_schema(tables.SIMILARITIES)
    store.replace(tables.SIMILARITIES, spark.createDataFrame([("a", 1, "b", 0.9), ("b", 1, "a", 0.9)], schema))
    store.replace(tables.SIMILARITIES, spark.createDataFrame([("a", 1, "c", 0.95)], schema), [("episode_id", "=", "a")])
    assert store.read(tables.SIMILARITIES).count() == 2
"""


def test_spark_and_delta_rs_share_tables_on_s3(minio: str) -> None:
    folders = [JARS / "spark", JARS / "spark-s3"]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("needs Spark's jars for S3: `make jars-s3` fetches them (500 MB)")
    uri = f"s3://{BUCKET}/spark"
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, uri, minio, *map(str, folders)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    rows = DeltaLake(LakeSettings(uri=uri, s3=S3Settings(endpoint_url=minio))).read(tables.SIMILARITIES).to_pylist()
    assert {(row["episode_id"], row["similar_episode_id"]) for row in rows} == {("a", "c"), ("b", "a")}
