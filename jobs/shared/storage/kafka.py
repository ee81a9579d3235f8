"""Kafka by librdkafka: an idempotent producer that waits for its reports, a consumer that commits when told."""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from jobs.shared.errors import StorageError
from jobs.shared.models import Model
from jobs.shared.ports import Received
from jobs.shared.settings import KafkaSettings
from jobs.shared.topics import Topic

SESSION_TIMEOUT_MS = 10_000
"""After this silence a killed member is counted out and its partitions move on."""
JOIN_TIMEOUT_S = 45.0


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """librdkafka's connection settings."""
    config: dict[str, Any] = {"bootstrap.servers": settings.bootstrap_servers, "security.protocol": settings.security_protocol}
    if settings.ca_file:
        config["ssl.ca.location"] = settings.ca_file
    if settings.username and settings.password:
        config |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.username,
            "sasl.password": settings.password.get_secret_value(),
        }
    # librdkafka logs each failed attempt to stderr by itself; the adapter names the outage once, as an error.
    return config | {"log_level": 2}


def named(settings: KafkaSettings, topic: Topic) -> Topic:
    """The topic under the name that it has on this broker."""
    return replace(topic, name=settings.topic_prefix + topic.name)


class KafkaLog:
    """Publishes with acks=all and an idempotent producer: a retry inside the client writes nothing twice."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._where = f"Kafka at {settings.bootstrap_servers}"
        self._producer = Producer(
            client_config(settings)
            | {
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 20,
                "message.timeout.ms": int(settings.timeout_s * 1000),
            }
        )

    def publish(self, topic: Topic, values: Iterable[Model]) -> int:
        topic = named(self._settings, topic)
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        count = 0
        try:
            for value in values:
                key, payload = topic.encode(value)
                self._produce(topic.name, key, payload, delivered)
                count += 1
                if failures:
                    break
            pending = self._producer.flush(self._settings.timeout_s + 5)
        except KafkaException as error:
            raise StorageError(f"cannot publish to {topic.name} on {self._where}: {error}") from error
        if failures or pending:
            cause = failures[0].str() if failures else "no answer"
            raise StorageError(f"cannot publish to {topic.name} on {self._where}: {len(failures) + pending} of {count} records undelivered ({cause})")
        return count

    def _produce(self, topic: str, key: bytes, payload: bytes, delivered: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, value=payload, key=key, on_delivery=delivered)
                self._producer.poll(0)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return


class KafkaQueue:
    """One topic, consumed by one member of a group from the first record on; offsets move only on `commit`."""

    def __init__(self, settings: KafkaSettings, topic: Topic, group: str) -> None:
        self._settings = settings
        self._topic = topic = named(settings, topic)
        self._where = f"Kafka at {settings.bootstrap_servers}"
        self._polled: dict[tuple[str, int], Message] = {}
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": settings.topic_prefix + group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                # A slow episode must not cost the member its partitions.
                "max.poll.interval.ms": 3_600_000,
                "session.timeout.ms": SESSION_TIMEOUT_MS,
            }
        )
        self._check_topic()
        self._assigned = False
        self._consumer.subscribe([topic.name], on_assign=self._on_assign)

    def _check_topic(self) -> None:
        try:
            metadata = self._consumer.list_topics(self._topic.name, timeout=self._settings.timeout_s)
        except KafkaException as error:
            raise StorageError(f"cannot reach {self._where}: {error.args[0].str()}") from error
        problem = metadata.topics[self._topic.name].error
        if problem is not None:
            raise StorageError(f"topic {self._topic.name} on {self._where}: {problem.str()}")

    def _on_assign(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        # Also called with no partition, where the group has more members than the topic has partitions: then there is nothing to do.
        self._assigned = True

    def poll(self, limit: int, timeout_s: float) -> list[Received]:
        records: list[Received] = []
        joining = not self._assigned
        # Joining a group takes seconds, and longer while a member that was killed is still counted; silence means nothing before.
        deadline = time.monotonic() + (JOIN_TIMEOUT_S if joining else timeout_s)
        while len(records) < limit and time.monotonic() < deadline:
            try:
                message = self._consumer.poll(min(0.2, timeout_s))
                if joining and self._assigned:
                    joining = False
                    deadline = time.monotonic() + timeout_s
            except KafkaException as error:
                raise StorageError(f"cannot consume {self._topic.name} on {self._where}: {error}") from error
            if message is None:
                continue
            problem = message.error()
            if problem is not None:
                raise StorageError(f"cannot consume {self._topic.name} on {self._where}: {problem.str()}")
            deadline = time.monotonic() + timeout_s
            records.append(received(message))
            self._polled[(records[-1].topic, records[-1].partition)] = message
        if joining:
            raise StorageError(f"no place in the group that reads {self._topic.name} within {JOIN_TIMEOUT_S:.0f} s from {self._where}")
        return records

    def commit(self) -> None:
        try:
            for message in self._polled.values():
                self._consumer.commit(message=message, asynchronous=False)
        except KafkaException as error:
            raise StorageError(f"cannot commit offsets of {self._topic.name} on {self._where}: {error}") from error
        self._polled.clear()

    def close(self) -> None:
        """Leave the group, so that its partitions move at once."""
        self._consumer.close()


def received(message: Message) -> Received:
    """The client's message as a plain value."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise StorageError("the broker sent a record without a place")
    return Received(topic=topic, partition=partition, offset=offset, key=_bytes(message.key()), value=_bytes(message.value()))


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
