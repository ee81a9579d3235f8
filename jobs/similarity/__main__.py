"""Starts the stage."""

import argparse

from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake
from jobs.similarity import job
from jobs.similarity.settings import SimilaritySettings


def start(settings: SimilaritySettings, _arguments: argparse.Namespace) -> Report:
    """Bring the similarities up to date; without new vectors no JVM is started."""
    tabular = DeltaLake(settings.lake)
    digest = settings.digest("neighbours", "lexical_weight", "lexical_dimension")
    source = job.news(tabular, digest)
    if source is None:
        return Report(details={"nothing_to_do": True})
    from jobs.shared.spark import session
    from jobs.shared.storage.spark_delta import SparkLake

    with session("similarity", settings.spark, settings.lake) as spark:
        return job.run(
            spark,
            tabular,
            SparkLake(spark, settings.lake),
            source,
            digest,
            neighbours=settings.neighbours,
            mix=job.Mix(settings.lexical_weight, settings.lexical_dimension),
            rows_per_task=settings.rows_per_task,
        )


if __name__ == "__main__":
    raise SystemExit(main("similarity", SimilaritySettings, start, doc=job.__doc__))
