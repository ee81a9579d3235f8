"""Publishes and kills itself with SIGKILL at a planted point: `publish_until_killed.py POINT LAKE URI DATABASE`."""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from jobs.publish import job
from jobs.publish.settings import PublishSettings
from jobs.shared.documents import Collection
from jobs.shared.models import Model
from jobs.shared.settings import LakeSettings, MongoSettings
from jobs.shared.storage import mongo
from jobs.shared.storage.delta import DeltaLake


class DoomedStore(mongo.MongoStore):
    """Dies at the moment that `point` names."""

    point = ""

    def put(self, collection: Collection, documents: Iterable[Model]) -> int:
        self.reach(f"before {collection.name}")
        count = super().put(collection, self._doomed(collection, documents))
        self.reach(f"after {collection.name}")
        return count

    def retire(self, collection: Collection, edition: str) -> int:
        count = super().retire(collection, edition)
        self.reach(f"retired {collection.name}")
        return count

    def _doomed(self, collection: Collection, documents: Iterable[Model]) -> Iterator[Model]:
        for number, document in enumerate(documents):
            self.reach(f"{collection.name} {number}")
            yield document

    def reach(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    DoomedStore.point, lake, uri, database = sys.argv[1:]
    mongo.BATCH = 4
    settings = PublishSettings(lake=LakeSettings(uri=lake), mongo=MongoSettings(uri=uri, database=database))
    job.run(DeltaLake(settings.lake), DoomedStore(settings.mongo), settings, datetime.now(UTC))
