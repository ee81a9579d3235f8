"""Prepares what the stages expect to find.

Reads   nothing
Writes  the lake's bucket, the topics of jobs/shared/topics.py, indexes and the flat view in MongoDB
Needs   the object store, Kafka, MongoDB: those of them that the settings name

Everything is made only where it is missing, so it may run at any time and as often as wanted; a second run changes nothing.
Refused with exit code 2: an object store that ignores If-None-Match, on which writers would overwrite each other's commits.
"""

from collections.abc import Iterable
from typing import Protocol

from jobs.provision import core
from jobs.provision.settings import ProvisionSettings
from jobs.shared import documents, topics
from jobs.shared.entry import Report
from jobs.shared.errors import StorageError
from jobs.shared.log import stage_logger
from jobs.shared.ports import DocumentStore

logger = stage_logger("provision")


class BucketAdmin(Protocol):
    """An object store's bucket."""

    name: str

    def prepare(self, *, create: bool) -> bool:
        """The bucket exists; whether it was made now."""

    def check_conditional_put(self) -> None:
        """Refuse a store on which two writers could both create one object."""


class TopicAdmin(Protocol):
    """A broker's topics."""

    def prepare(self, declared: Iterable[topics.Topic], replication_factor: int) -> int:
        """All exist as declared; how many were made now."""

    def missing(self, declared: Iterable[topics.Topic]) -> list[str]:
        """Names of those that do not exist."""


def run(settings: ProvisionSettings, bucket: BucketAdmin | None, broker: TopicAdmin | None, store: DocumentStore | None) -> Report:
    """Make what is missing of each part that is given."""
    bucket_made = topics_made = collections = None
    if bucket is not None:
        bucket_made = bucket.prepare(create=settings.create_bucket)
        bucket.check_conditional_put()
        logger.info("bucket is there", extra={"bucket": bucket.name, "made": bucket_made})
    if broker is not None:
        if settings.create_topics:
            topics_made = broker.prepare(topics.ALL, settings.replication_factor)
        else:
            absent = broker.missing(topics.ALL)
            if absent:
                raise StorageError(f"these topics do not exist yet, and create_topics is off: {', '.join(absent)}")
            topics_made = 0
        logger.info("topics are there", extra={"made": topics_made})
    if store is not None:
        store.prepare()
        collections = len(documents.ALL)
        logger.info("collections are there", extra={"collections": collections})
    return core.report(bucket_made=bucket_made, topics_made=topics_made, collections=collections)
