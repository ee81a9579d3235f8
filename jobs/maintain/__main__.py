"""Builds the adapters of maintain and runs it."""

import argparse
from datetime import UTC, datetime

from jobs.maintain import job
from jobs.maintain.settings import MaintainSettings
from jobs.shared.entry import Report, main
from jobs.shared.errors import SettingsError
from jobs.shared.storage.delta import DeltaLake


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--erase-user", metavar="ID", help="remove this listener from every table and from the document store, then end")


def start(settings: MaintainSettings, options: argparse.Namespace) -> Report:
    lake = DeltaLake(settings.lake)
    if options.erase_user is None:
        return job.run(lake, settings, datetime.now(UTC))
    if settings.mongo is None:
        raise SettingsError("mongo: missing; a listener is erased from the document store too")

    from jobs.shared.storage.mongo import MongoStore

    with MongoStore(settings.mongo) as store:
        return job.erase(lake, store, options.erase_user)


if __name__ == "__main__":
    raise SystemExit(main("maintain", MaintainSettings, start, doc=job.__doc__, arguments=arguments))
