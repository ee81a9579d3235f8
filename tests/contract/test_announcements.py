"""Announcing is all or nothing, by one process at a time: the fake and the real broker."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer

from jobs.shared.errors import StorageError
from jobs.shared.models import Episode
from jobs.shared.ports import Announcements, RecordQueue
from jobs.shared.settings import KafkaSettings
from jobs.shared.storage.announcements import KafkaAnnouncements
from jobs.shared.storage.kafka import KafkaQueue
from jobs.shared.storage.memory import MemoryAnnouncements, MemoryTopics
from jobs.shared.topics import EPISODE_IDS, EPISODE_METADATA, EpisodeKnown


@dataclass
class Broker:
    announcements: Announcements
    end: int
    """Offset behind what other tests announced."""
    readers: RecordQueue
    """A group that has read what other tests published."""


def drain(queue: RecordQueue) -> list[Any]:
    values = []
    while records := queue.poll(1_000, 1.0):
        values += [EPISODE_METADATA.decode(record.value) for record in records]
    return values


@pytest.fixture(params=["memory", "kafka"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    if request.param == "memory":
        fake = MemoryTopics()
        yield Broker(MemoryAnnouncements(fake), 0, fake.consumer(EPISODE_METADATA, "readers"))
        return
    running: Any = request.getfixturevalue("kafka")
    settings = KafkaSettings(bootstrap_servers=running.bootstrap_servers)
    announcements = KafkaAnnouncements(settings, "test")
    before = announcements.since(0)
    queue = KafkaQueue(settings, EPISODE_METADATA, f"readers-{uuid.uuid4().hex}")
    drain(queue)
    yield Broker(announcements, before[-1].offset + 1 if before else 0, queue)
    queue.close()


@pytest.fixture
def episodes() -> list[Episode]:
    return [Episode(episode_id=uuid.uuid4().hex, podcast_id="p", title="t", audio_url="https://e.org/a.mp3") for _ in range(3)]


def ids(found: list[Any]) -> list[str]:
    return [value.episode_id for value in found]


def test_metadata_and_ids_arrive_together_and_ids_in_order(broker: Broker, episodes: list[Episode]) -> None:
    broker.announcements.announce(episodes[:2])
    broker.announcements.announce(episodes[2:])
    broker.announcements.announce([])
    assert sorted(ids(drain(broker.readers))) == sorted(ids(episodes))
    tail = broker.announcements.since(broker.end)
    assert ids(tail) == ids(episodes)
    assert {record.podcast_id for record in tail} == {"p"}
    assert ids(broker.announcements.since(tail[1].offset)) == ids(episodes)[1:]
    assert broker.announcements.since(tail[-1].offset + 1) == []


@pytest.fixture
def settings(kafka: Any) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)


def half_said(settings: KafkaSettings, name: str, episode: Episode) -> Producer:
    """What a process leaves behind that was killed in the middle of a transaction."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "transactional.id": f"earshot.{name}"})
    producer.init_transactions(20)
    producer.begin_transaction()
    for topic, value in ((EPISODE_METADATA, episode), (EPISODE_IDS, EpisodeKnown(episode_id=episode.episode_id, podcast_id="p"))):
        key, payload = topic.encode(value)
        producer.produce(topic.name, value=payload, key=key)
    producer.flush(20)
    return producer


def test_what_a_killed_process_half_said_is_never_heard_and_blocks_nobody(settings: KafkaSettings, episodes: list[Episode]) -> None:
    left = half_said(settings, "killed", episodes[0])
    announcements = KafkaAnnouncements(settings, "killed")
    assert episodes[0].episode_id not in ids(announcements.since(0))
    announcements.announce(episodes[1:])
    queue = KafkaQueue(settings, EPISODE_METADATA, f"readers-{uuid.uuid4().hex}")
    heard = ids(drain(queue))
    queue.close()
    assert set(ids(episodes[1:])) <= set(heard)
    assert episodes[0].episode_id not in heard
    del left


def test_an_older_process_is_fenced_off(settings: KafkaSettings, episodes: list[Episode]) -> None:
    older, newer = KafkaAnnouncements(settings, "fence"), KafkaAnnouncements(settings, "fence")
    older.announce(episodes[:1])
    assert episodes[0].episode_id in ids(newer.since(0))
    with pytest.raises(StorageError, match="cannot announce"):
        older.announce(episodes[1:2])
    newer.announce(episodes[2:])
    known = ids(newer.since(0))
    assert (episodes[1].episode_id in known, episodes[2].episode_id in known) == (False, True)


@pytest.mark.parametrize("act", [lambda log: log.since(0), lambda log: log.announce([Episode(episode_id="e", podcast_id="p", title="t", audio_url="u")])])
def test_a_broker_that_is_down_is_named(act: Callable[[KafkaAnnouncements], object]) -> None:
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9"):
        act(KafkaAnnouncements(KafkaSettings(bootstrap_servers="127.0.0.1:9", timeout_s=1), "down"))
