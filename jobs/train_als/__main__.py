"""Builds the adapters of train_als."""

import argparse

from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake
from jobs.train_als import job
from jobs.train_als.settings import TrainAlsSettings


def start(settings: TrainAlsSettings, _arguments: argparse.Namespace) -> Report:
    plan = job.plan(DeltaLake(settings.lake), settings)
    if plan is None:
        return Report(details={"nothing_to_do": True})
    from jobs.shared.spark import session
    from jobs.shared.storage.spark_delta import SparkLake

    with session("train_als", settings.spark, settings.lake) as spark:
        return job.run(SparkLake(spark, settings.lake), plan, settings)


if __name__ == "__main__":
    raise SystemExit(main("train_als", TrainAlsSettings, start, doc=job.__doc__))
