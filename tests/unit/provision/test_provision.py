"""provision makes what is missing, says so, and only checks what somebody else owns."""

from collections.abc import Iterable

import pytest

from jobs.provision import job
from jobs.provision.settings import ProvisionSettings
from jobs.shared import topics
from jobs.shared.errors import StorageError
from jobs.shared.topics import Topic


class PlannedBucket:
    name = "lake"

    def __init__(self, exists: bool) -> None:
        self.exists, self.checked = exists, False

    def prepare(self, *, create: bool) -> bool:
        made, self.exists = not self.exists and create, True
        return made

    def check_conditional_put(self) -> None:
        self.checked = True


class PlannedBroker:
    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def prepare(self, declared: Iterable[Topic], replication_factor: int) -> int:
        absent = self.missing(declared)
        self.names |= set(absent)
        return len(absent)

    def missing(self, declared: Iterable[Topic]) -> list[str]:
        return [topic.name for topic in declared if topic.name not in self.names]


def test_a_second_run_makes_nothing() -> None:
    bucket, broker = PlannedBucket(exists=False), PlannedBroker("user-events")
    first = job.run(ProvisionSettings(), bucket, broker, None)
    second = job.run(ProvisionSettings(), bucket, broker, None)
    assert first.written == 1 + len(topics.ALL) - 1
    assert second.written == 0
    assert bucket.checked


def test_topics_of_somebody_else_are_named_when_they_are_missing() -> None:
    broker = PlannedBroker("user-events")
    with pytest.raises(StorageError, match="episode-metadata, episode-ids"):
        job.run(ProvisionSettings(create_topics=False), None, broker, None)
    assert broker.names == {"user-events"}


def test_a_part_without_settings_is_left_alone() -> None:
    assert job.run(ProvisionSettings(), None, None, None).details == {}
