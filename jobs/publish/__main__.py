"""Builds the adapters of publish."""

import argparse
from datetime import UTC, datetime

from jobs.publish import job
from jobs.publish.settings import PublishSettings
from jobs.shared.entry import Report, main
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.mongo import MongoStore


def start(settings: PublishSettings, _arguments: argparse.Namespace) -> Report:
    with MongoStore(settings.mongo) as store:
        return job.run(DeltaLake(settings.lake), store, settings, datetime.now(UTC))


if __name__ == "__main__":
    raise SystemExit(main("publish", PublishSettings, start, doc=job.__doc__))
