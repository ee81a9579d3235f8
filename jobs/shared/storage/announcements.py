"""Episodes announced in Kafka transactions: metadata and id become visible together, and a killed run leaves nothing half said."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from jobs.shared.errors import RecordError, StorageError
from jobs.shared.models import Episode
from jobs.shared.ports import Announced
from jobs.shared.settings import KafkaSettings
from jobs.shared.storage.kafka import client_config, named, received
from jobs.shared.topics import EPISODE_IDS, EPISODE_METADATA, EpisodeKnown


class KafkaAnnouncements:
    """The one process that announces: a newer one with the same name fences the older off, also in the middle of a transaction."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings = settings
        self._where = f"Kafka at {settings.bootstrap_servers}"
        self._producer = Producer(
            client_config(settings)
            | {"transactional.id": f"{settings.topic_prefix}earshot.{name}", "compression.type": "lz4", "message.timeout.ms": int(settings.timeout_s * 1000)}
        )
        self._metadata, self._ids = named(settings, EPISODE_METADATA), named(settings, EPISODE_IDS)
        self._is_alone = False

    def since(self, offset: int) -> list[Announced]:
        self._fence()
        consumer = Consumer(
            client_config(self._settings)
            | {
                "group.id": f"{self._settings.topic_prefix}fetch_metadata",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                # A topic that was made anew is shorter than remembered: read it whole.
                "auto.offset.reset": "earliest",
            }
        )
        try:
            self._check_topic(consumer)
            consumer.assign([TopicPartition(self._ids.name, 0, offset)])
            return self._read(consumer)
        except KafkaException as error:
            raise StorageError(f"cannot read {self._ids.name} on {self._where}: {error}") from error
        finally:
            consumer.close()

    def _check_topic(self, consumer: Consumer) -> None:
        topic = consumer.list_topics(self._ids.name, timeout=self._settings.timeout_s).topics[self._ids.name]
        if topic.error is not None:
            raise StorageError(f"topic {self._ids.name} on {self._where}: {topic.error.str()}")
        if len(topic.partitions) != 1:
            raise StorageError(f"topic {self._ids.name} on {self._where} has {len(topic.partitions)} partitions, its order needs exactly one")

    def _read(self, consumer: Consumer) -> list[Announced]:
        found: list[Announced] = []
        while True:
            message = consumer.poll(self._settings.timeout_s)
            if message is None:
                raise StorageError(f"cannot read {self._ids.name} on {self._where}: no answer within {self._settings.timeout_s:.0f} s")
            problem = message.error()
            if problem is not None:
                if problem.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # the client publishes the code under this name
                    return found
                raise StorageError(f"cannot read {self._ids.name} on {self._where}: {problem.str()}")
            record = received(message)
            try:
                known: EpisodeKnown = self._ids.decode(record.value)
            except RecordError:
                # Not of our making: an id that nobody can read was announced by nobody.
                continue
            found.append(Announced(record.offset, known.episode_id, known.podcast_id))

    def announce(self, episodes: Sequence[Episode]) -> None:
        if not episodes:
            return
        self._fence()
        try:
            self._producer.begin_transaction()
            for episode in episodes:
                for topic, value in ((self._metadata, episode), (self._ids, EpisodeKnown(episode_id=episode.episode_id, podcast_id=episode.podcast_id))):
                    key, payload = topic.encode(value)
                    self._produce(topic.name, key, payload)
            self._producer.commit_transaction(self._settings.timeout_s + 5)
        except KafkaException as error:
            # The process ends on this error; the broker aborts what is open when the next one begins, or by its own time-out.
            raise StorageError(f"cannot announce {len(episodes)} episodes on {self._where}: {error.args[0].str()}") from error

    def _produce(self, topic: str, key: bytes, payload: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value=payload, key=key)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _fence(self) -> None:
        if self._is_alone:
            return
        try:
            self._producer.init_transactions(self._settings.timeout_s)
        except KafkaException as error:
            raise StorageError(f"cannot begin to announce on {self._where}: {error.args[0].str()}") from error
        self._is_alone = True
