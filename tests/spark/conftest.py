"""One JVM for all Spark tests of a run."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.shared.settings import LakeSettings, SparkSettings
from jobs.shared.spark import build
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.spark_delta import SparkLake

JARS = Path(__file__).parents[2] / ".earshot" / "jars" / "spark"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    if shutil.which("java") is None or not list(JARS.glob("delta-spark*.jar")):
        pytest.skip("needs Java 17 and Spark's jars: `make test` fetches them")
    # Tests end before the optimising compiler pays.
    conf = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    settings = SparkSettings(master="local[2]", jars_dir=str(JARS), shuffle_partitions=2, conf=conf)
    session = build("tests", settings, LakeSettings(uri="unused"))
    yield session
    session.stop()


@pytest.fixture
def lake_settings(tmp_path: Path) -> LakeSettings:
    return LakeSettings(uri=str(tmp_path / "lake"))


@pytest.fixture
def lake(lake_settings: LakeSettings) -> DeltaLake:
    """The tables as the Python stages see them."""
    return DeltaLake(lake_settings)


@pytest.fixture
def spark_lake(spark: SparkSession, lake_settings: LakeSettings) -> SparkLake:
    """The same tables as the Spark stages see them."""
    return SparkLake(spark, lake_settings)
