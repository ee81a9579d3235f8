"""Builds the adapters of recommend."""

import argparse
from datetime import UTC, datetime

from jobs.recommend import job
from jobs.recommend.settings import RecommendSettings
from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake


def start(settings: RecommendSettings, _arguments: argparse.Namespace) -> Report:
    lake = DeltaLake(settings.lake)
    plan = job.plan(lake, settings)
    if plan is None:
        return Report(details={"nothing_to_do": True})
    from jobs.shared.spark import session
    from jobs.shared.storage.spark_delta import SparkLake

    with session("recommend", settings.spark, settings.lake) as spark:
        return job.run(lake, SparkLake(spark, settings.lake), plan, settings, datetime.now(UTC))


if __name__ == "__main__":
    raise SystemExit(main("recommend", RecommendSettings, start, doc=job.__doc__))
