"""Kafka by librdkafka: an idempotent producer that waits for its reports, a consumer that commits when told."""

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from jobs.shared.errors import StorageError
from jobs.shared.models import Model
from jobs.shared.ports import Received
from jobs.shared.settings import KafkaSettings
from jobs.shared.topics import Topic


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
        self._topic = topic
        self._where = f"Kafka at {settings.bootstrap_servers}"
        self._polled: dict[tuple[str, int], Message] = {}
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                # A slow episode must not cost the member its partitions.
                "max.poll.interval.ms": 3_600_000,
                "session.timeout.ms": 45_000,
            }
        )
        self._check_topic()
        self._consumer.subscribe([topic.name])
        self._assigned = False

    def _check_topic(self) -> None:
        try:
            metadata = self._consumer.list_topics(self._topic.name, timeout=self._settings.timeout_s)
        except KafkaException as error:
            raise StorageError(f"cannot reach {self._where}: {error.args[0].str()}") from error
        problem = metadata.topics[self._topic.name].error
        if problem is not None:
            raise StorageError(f"topic {self._topic.name} on {self._where}: {problem.str()}")

    def poll(self, limit: int, timeout_s: float) -> list[Received]:
        records: list[Received] = []
        # Joining a group takes seconds; silence only counts once partitions are assigned.
        deadline = time.monotonic() + max(timeout_s, self._settings.timeout_s if not self._assigned else 0.0)
        while len(records) < limit and time.monotonic() < deadline:
            try:
                message = self._consumer.poll(min(0.2, timeout_s))
                if not self._assigned and self._consumer.assignment():
                    self._assigned = True
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
        if not self._assigned and not records:
            raise StorageError(f"no partition of {self._topic.name} assigned within {self._settings.timeout_s:.0f} s by {self._where}")
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
