"""Starts the stage."""

import argparse
from dataclasses import replace
from functools import partial

from jobs.embed import job
from jobs.embed.settings import EmbedSettings
from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.encoder import model_name, open_encoder


def start(settings: EmbedSettings, _arguments: argparse.Namespace) -> Report:
    """Embed what has no vector yet; without any, no JVM is started and no model is loaded."""
    episode_ids, others = job.pending(DeltaLake(settings.lake), model_name(settings.encoder))
    if not episode_ids:
        return Report(skipped=others, details={"nothing_to_do": True})
    from jobs.shared.spark import session
    from jobs.shared.storage.spark_delta import SparkLake

    with session("embed", settings.spark, settings.lake) as spark:
        report = job.run(
            spark,
            SparkLake(spark, settings.lake),
            episode_ids,
            partial(open_encoder, settings.encoder),
            chunk_tokens=settings.chunk_tokens,
            overlap_tokens=settings.overlap_tokens,
            episodes_per_commit=settings.episodes_per_commit,
            episodes_per_task=settings.episodes_per_task,
        )
    return replace(report, skipped=others)


if __name__ == "__main__":
    raise SystemExit(main("embed", EmbedSettings, start, doc=job.__doc__))
