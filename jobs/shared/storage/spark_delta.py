"""Delta tables by Spark: the writer of the Spark stages. Tables are declared in `jobs.shared.tables` like everywhere."""

from collections.abc import Sequence

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from jobs.shared.errors import StorageError
from jobs.shared.models import Provenance
from jobs.shared.ports import Where
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake, sql
from jobs.shared.tables import Table


def spark_schema(table: Table) -> StructType:
    """The table's schema in Spark's terms."""
    return from_arrow_schema(table.schema)


class SparkLake:
    """Reads and writes the same tables as DeltaLake, as data frames of one session."""

    def __init__(self, spark: SparkSession, settings: LakeSettings) -> None:
        self._spark = spark
        self._tables = DeltaLake(settings)

    def uri(self, table: Table) -> str:
        return self._tables.uri(table).replace("s3://", "s3a://", 1)

    def read(self, table: Table, columns: Sequence[str] | None = None) -> DataFrame:
        """All rows of the newest version; no rows for a table that was never written."""
        if self._tables.open(table) is None:
            frame = self._spark.createDataFrame([], spark_schema(table))
        else:
            frame = self._spark.read.format("delta").load(self.uri(table))
        return frame.select(*(columns if columns is not None else table.columns))

    def replace(self, table: Table, frame: DataFrame, where: Where = (), provenance: Provenance | None = None) -> None:
        """Put `frame` in the place of all rows that fulfil `where` (none given: of all rows), in one commit."""
        self._tables.create(table)
        writer = conform(frame, table).write.format("delta").mode("overwrite")
        if where:
            writer = writer.option("replaceWhere", sql(where))
        if provenance is not None:
            writer = writer.option("userMetadata", provenance.model_dump_json())
        try:
            writer.save(self.uri(table))
        except (PySparkException, Py4JJavaError) as error:
            raise StorageError(f"cannot replace rows of the Delta table {self.uri(table)}: {error}") from error


def conform(frame: DataFrame, table: Table) -> DataFrame:
    """`frame` with exactly the table's columns, order and types."""
    return frame.select(*(F.col(column.name).cast(column.dataType).alias(column.name) for column in spark_schema(table)))
