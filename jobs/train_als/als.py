"""Implicit-feedback matrix factorisation by Spark ML, over text ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyspark.ml.feature import IndexToString, StringIndexer, StringIndexerModel
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.train_als.settings import TrainAlsSettings

CHECKPOINT_EVERY = 5
"""Iterations after which Spark forgets how the factors came about: tasks with a longer past overflow the stack."""


@contextmanager
def checkpoints(spark: SparkSession, folder: str) -> Iterator[None]:
    """Checkpoints in `folder`, on a store that all executors reach; emptied before (a killed run leaves some) and after."""
    context: Any = spark.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(folder)  # noqa: SLF001  # Spark has no other door to its file systems
    files = path.getFileSystem(context._jsc.hadoopConfiguration())  # noqa: SLF001
    files.delete(path, True)
    context.setCheckpointDir(folder)
    try:
        yield
    finally:
        files.delete(path, True)


def factorise(engagement: DataFrame, settings: TrainAlsSettings) -> tuple[DataFrame, DataFrame]:
    """Factors of listeners (user_id, factors) and of episodes (episode_id, factors) from rows of user_id, episode_id, engagement.

    Hu, Koren, Volinsky 2008: engagement above zero is a preference of 1, below zero a preference of 0, both with confidence
    1 + alpha * |engagement|. Ids of which nothing is above zero get no factors: theirs would be zero vectors, and Spark scales
    the regularisation by the number of preferences of 1, so that without any the equations may have no solution.
    """
    liked = engagement.where("engagement > 0")
    pairs = engagement.join(liked.select("user_id").distinct(), "user_id").join(liked.select("episode_id").distinct(), "episode_id")
    # Alphabetic codes: the same data gives the same codes, and with the seed the same factors.
    indexer = StringIndexer(inputCols=["user_id", "episode_id"], outputCols=["user", "item"], stringOrderType="alphabetAsc").fit(pairs)
    blocks = int(str(engagement.sparkSession.conf.get("spark.sql.shuffle.partitions")))
    als = ALS(
        rank=settings.rank,
        maxIter=settings.iterations,
        regParam=settings.regularisation,
        alpha=settings.alpha,
        implicitPrefs=True,
        userCol="user",
        itemCol="item",
        ratingCol="engagement",
        seed=settings.seed,
        numUserBlocks=blocks,
        numItemBlocks=blocks,
        checkpointInterval=CHECKPOINT_EVERY,
    )
    model = als.fit(indexer.transform(pairs))
    return _named(model.userFactors, indexer, 0), _named(model.itemFactors, indexer, 1)


def _named(factors: DataFrame, indexer: StringIndexerModel, column: int) -> DataFrame:
    name = indexer.getInputCols()[column]
    back = IndexToString(inputCol="code", outputCol=name, labels=indexer.labelsArray[column])
    return back.transform(factors.withColumn("code", F.col("id").cast("double"))).select(name, F.col("features").alias("factors"))
