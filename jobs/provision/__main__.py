"""Builds the adapters of provision."""

import argparse
from contextlib import ExitStack

from jobs.provision import job
from jobs.provision.settings import ProvisionSettings
from jobs.shared.entry import Report, main


def start(settings: ProvisionSettings, _arguments: argparse.Namespace) -> Report:
    from jobs.shared.storage.bucket import Bucket
    from jobs.shared.storage.kafka_topics import KafkaTopics
    from jobs.shared.storage.mongo import MongoStore

    with ExitStack() as open_until_done:
        store = open_until_done.enter_context(MongoStore(settings.mongo)) if settings.mongo else None
        return job.run(
            settings,
            Bucket(settings.lake) if settings.lake and settings.lake.is_s3 else None,
            KafkaTopics(settings.kafka) if settings.kafka else None,
            store,
        )


if __name__ == "__main__":
    raise SystemExit(main("provision", ProvisionSettings, start, doc=job.__doc__))
