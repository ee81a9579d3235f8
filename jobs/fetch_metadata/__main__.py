"""Entry point of fetch_metadata."""

import argparse
from datetime import UTC, datetime

from jobs.fetch_metadata import job
from jobs.fetch_metadata.podcast_index import PodcastIndex
from jobs.fetch_metadata.settings import FetchMetadataSettings
from jobs.fetch_metadata.sources import gather
from jobs.shared.entry import Report, main
from jobs.shared.storage.announcements import KafkaAnnouncements
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.http import HttpWeb


def start(settings: FetchMetadataSettings, _arguments: argparse.Namespace) -> Report:
    web = HttpWeb(settings.http)
    index = PodcastIndex(settings.podcast_index, web) if settings.podcast_index.trending else None
    sources = gather(settings, web, index, job.logger)
    if not sources.feeds and not sources.failures:
        return Report(details={"nothing_to_do": True, "hint": "no feeds, opml or podcast_index.trending in the settings"})
    return job.run(sources, web, DeltaLake(settings.lake), KafkaAnnouncements(settings.kafka, job.STAGE), settings=settings, now=datetime.now(UTC))


if __name__ == "__main__":
    raise SystemExit(main(job.STAGE, FetchMetadataSettings, start, doc=job.__doc__))
