"""Topics made as they are declared, by Kafka's admin protocol."""

from collections.abc import Iterable

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from jobs.shared.errors import StorageError
from jobs.shared.settings import KafkaSettings
from jobs.shared.storage.kafka import client_config, named
from jobs.shared.topics import Topic


class KafkaTopics:
    """Makes topics on one broker; what is there already keeps its records."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._where = f"Kafka at {settings.bootstrap_servers}"
        self._client = AdminClient(client_config(settings))

    def prepare(self, declared: Iterable[Topic], replication_factor: int) -> int:
        """Every declared topic exists with its declared settings; the number of those that were made now.

        StorageError names a broker that does not answer, refuses the login or the topic.
        """
        wanted = [named(self._settings, topic) for topic in declared]
        try:
            existing = self._client.list_topics(timeout=self._settings.timeout_s).topics
            missing = [topic for topic in wanted if topic.name not in existing]
            if missing:
                made = self._client.create_topics([_new(topic, replication_factor) for topic in missing])
                for future in made.values():
                    future.result()
            present = [topic for topic in wanted if topic.name in existing and topic.config]
            if present:
                altered = self._client.incremental_alter_configs([_altered(topic) for topic in present])
                for future in altered.values():
                    future.result()
        except KafkaException as error:
            raise StorageError(f"cannot prepare the topics on {self._where}: {error.args[0].str()}") from error
        return len(missing)

    def missing(self, declared: Iterable[Topic]) -> list[str]:
        """Names of the declared topics that the broker does not have."""
        try:
            existing = self._client.list_topics(timeout=self._settings.timeout_s).topics
        except KafkaException as error:
            raise StorageError(f"cannot reach {self._where}: {error.args[0].str()}") from error
        return [name for name in (named(self._settings, topic).name for topic in declared) if name not in existing]


def _new(topic: Topic, replication_factor: int) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, replication_factor, config={key: str(value) for key, value in topic.config.items()})


def _altered(topic: Topic) -> ConfigResource:
    entries = [ConfigEntry(key, str(value), incremental_operation=AlterConfigOpType.SET) for key, value in topic.config.items()]
    return ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
