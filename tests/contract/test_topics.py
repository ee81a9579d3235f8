"""One suite for every broker: the fake and the real one, through the same two ports."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from jobs.shared import topics
from jobs.shared.errors import RecordError, StorageError
from jobs.shared.models import EventKind, UserEvent
from jobs.shared.ports import EventLog, RecordQueue
from jobs.shared.settings import KafkaSettings
from jobs.shared.storage.kafka import KafkaLog, KafkaQueue
from jobs.shared.storage.memory import MemoryTopics


@dataclass
class Broker:
    """A topic of this test alone, a log to write it, and consumers to read it."""

    topic: topics.Topic
    log: EventLog
    consumer: Callable[[str], RecordQueue]
    close: Callable[[RecordQueue], None]


@pytest.fixture(params=["memory", "kafka"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    topic = topics.Topic(f"test-{uuid.uuid4().hex}", "user_id", UserEvent, partitions=1)
    if request.param == "memory":
        fake = MemoryTopics()
        yield Broker(topic, fake, lambda group: fake.consumer(topic, group), lambda queue: None)
        return
    running: Any = request.getfixturevalue("kafka")
    from demo.kafka import create_topics

    create_topics(running.bootstrap_servers, [topic])
    settings = KafkaSettings(bootstrap_servers=running.bootstrap_servers)
    opened: list[KafkaQueue] = []

    def consumer(group: str) -> KafkaQueue:
        opened.append(KafkaQueue(settings, topic, f"{topic.name}-{group}"))
        return opened[-1]

    yield Broker(topic, KafkaLog(settings), consumer, lambda queue: queue.close())  # type: ignore[attr-defined]
    for queue in opened:
        queue.close()


def event(number: int) -> UserEvent:
    return UserEvent(event_id=str(number), user_id="u", episode_id="e", kind=EventKind.PLAY, ts=dt.datetime(2026, 11, 1, tzinfo=dt.UTC))


def ids(broker: Broker, queue: RecordQueue, limit: int) -> list[str]:
    return [broker.topic.decode(record.value).event_id for record in queue.poll(limit, 2.0)]


def test_what_is_published_arrives_in_order_and_only_once_polled(broker: Broker) -> None:
    assert broker.log.publish(broker.topic, (event(number) for number in range(5))) == 5
    queue = broker.consumer("readers")
    assert ids(broker, queue, 3) == ["0", "1", "2"]
    assert ids(broker, queue, 3) == ["3", "4"]
    assert ids(broker, queue, 3) == []


def test_what_is_not_committed_comes_again_and_what_is_does_not(broker: Broker) -> None:
    broker.log.publish(broker.topic, [event(0), event(1), event(2)])
    first = broker.consumer("readers")
    assert ids(broker, first, 2) == ["0", "1"]
    first.commit()
    assert ids(broker, first, 1) == ["2"]
    broker.close(first)
    assert ids(broker, broker.consumer("readers"), 5) == ["2"]


def test_groups_do_not_share_offsets(broker: Broker) -> None:
    broker.log.publish(broker.topic, [event(0)])
    for group in ("one", "two"):
        queue = broker.consumer(group)
        assert ids(broker, queue, 5) == ["0"]
        queue.commit()
        broker.close(queue)


def test_a_broker_that_is_down_is_named_for_reading_and_writing() -> None:
    down = KafkaSettings(bootstrap_servers="127.0.0.1:9", timeout_s=1)
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9"):
        KafkaQueue(down, topics.USER_EVENTS, "readers")
    with pytest.raises(StorageError, match=r"user-events on Kafka at 127\.0\.0\.1:9"):
        KafkaLog(down).publish(topics.USER_EVENTS, [event(0)])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"{", "not-json"),
        (b"[]", "wrong-fields"),
        (b'{"event_id": "1"}', "wrong-fields"),
        (event(1).model_dump_json().replace('"play"', '"dance"').encode(), "wrong-fields"),
        (event(1).model_dump_json().replace("Z", "").encode(), "wrong-fields"),
    ],
)
def test_a_bad_record_says_what_is_wrong(value: bytes, reason: str) -> None:
    with pytest.raises(RecordError) as error:
        topics.USER_EVENTS.decode(value)
    assert error.value.reason == reason
