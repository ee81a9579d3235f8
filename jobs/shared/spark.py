"""The only builder of a Spark session."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.shared.errors import SettingsError
from jobs.shared.settings import LakeSettings, SparkSettings

BASE_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # The default of 50 tasks for each table snapshot is most of a small micro-batch.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
}


@contextmanager
def session(name: str, settings: SparkSettings, lake: LakeSettings) -> Iterator[SparkSession]:
    """A session named like the stage, with Delta and the lake's object store configured, stopped at the end."""
    spark = build(name, settings, lake)
    try:
        yield spark
    finally:
        spark.stop()


def build(name: str, settings: SparkSettings, lake: LakeSettings) -> SparkSession:
    """A new session; the caller stops it."""
    builder = SparkSession.builder.appName(f"earshot-{name}")
    conf = dict(BASE_CONF) | {"spark.sql.shuffle.partitions": str(settings.shuffle_partitions)}
    if settings.master is not None:
        folders = [Path(folder).resolve() for folder in settings.jars_dir.split(":")]
        if not any(list(folder.glob("delta-spark*.jar")) for folder in folders):
            raise SettingsError(f"spark.jars_dir: no Delta jar in {settings.jars_dir}; fetch it: python requirements/jars.py requirements/spark-jars.txt DIR")
        # A path of classes costs nothing; `spark.jars` would copy every jar at each start.
        jars = ":".join(f"{folder}/*" for folder in folders)
        conf |= {
            "spark.driver.extraClassPath": jars,
            "spark.executor.extraClassPath": jars,
            "spark.driver.memory": settings.driver_memory,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
        builder = builder.master(settings.master)
        # Under an operator, executors in other pods must reach the driver.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if lake.is_s3:
        conf |= _s3(lake)
    for key, value in (conf | settings.conf).items():
        builder = builder.config(key, value)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _s3(lake: LakeSettings) -> dict[str, str]:
    conf = {
        "spark.hadoop.fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
        "spark.hadoop.fs.s3a.endpoint.region": lake.s3.region,
        # With the endpoint down, the defaults retry for minutes before they fail.
        "spark.hadoop.fs.s3a.attempts.maximum": "2",
        "spark.hadoop.fs.s3a.retry.limit": "2",
        "spark.hadoop.fs.s3a.connection.establish.timeout": "5s",
    }
    if lake.s3.endpoint_url:
        conf |= {
            "spark.hadoop.fs.s3a.endpoint": lake.s3.endpoint_url,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": str(lake.s3.endpoint_url.startswith("https://")).lower(),
        }
    return conf
