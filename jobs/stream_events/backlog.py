"""Whether the topic holds more than the stream has stored, asked without Spark; and the topic in Spark's terms."""

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, TopicPartition

from jobs.shared.errors import StorageError
from jobs.shared.settings import KafkaSettings
from jobs.shared.storage.kafka import client_config, named
from jobs.shared.topics import Topic


def pending(settings: KafkaSettings, topic: Topic, done: dict[int, int] | None) -> bool:
    """Whether there are records beyond `done`; unknown (None) counts as yes. StorageError where the broker or the topic is missing."""
    if done is None:
        # Still asked, so that a missing topic is named before a JVM starts.
        ends(settings, topic)
        return True
    return any(end > max(done.get(partition, first), first) for partition, (first, end) in ends(settings, topic).items())


def ends(settings: KafkaSettings, topic: Topic) -> dict[int, tuple[int, int]]:
    """By partition, the first offset that is kept and the one after the last. StorageError where the broker or the topic is missing."""
    where = f"Kafka at {settings.bootstrap_servers}"
    topic = named(settings, topic)
    client = Client(client_config(settings) | {"group.id": f"{settings.topic_prefix}stream_events.backlog", "enable.auto.commit": False})
    try:
        found = client.list_topics(topic.name, timeout=settings.timeout_s).topics[topic.name]
        if found.error is not None:
            raise StorageError(f"topic {topic.name} on {where}: {found.error.str()}")
        return {partition: client.get_watermark_offsets(TopicPartition(topic.name, partition), timeout=settings.timeout_s) for partition in found.partitions}
    except KafkaException as error:
        raise StorageError(f"cannot reach {where}: {error.args[0].str()}") from error
    finally:
        client.close()


def source_options(settings: KafkaSettings, topic: Topic, *, max_offsets_per_trigger: int, fail_on_data_loss: bool) -> dict[str, str]:
    """Options of Spark's Kafka source for the same broker and credentials."""
    options = {
        "subscribe": named(settings, topic).name,
        "startingOffsets": "earliest",
        "maxOffsetsPerTrigger": str(max_offsets_per_trigger),
        "failOnDataLoss": str(fail_on_data_loss).lower(),
        "kafka.bootstrap.servers": settings.bootstrap_servers,
        "kafka.security.protocol": settings.security_protocol,
        "kafka.isolation.level": "read_committed",
        # The JVM's clients wait a minute by default before they name an outage.
        "kafka.default.api.timeout.ms": str(int(settings.timeout_s * 1000)),
        "kafka.request.timeout.ms": str(int(settings.timeout_s * 1000)),
    }
    if settings.ca_file:
        options |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": settings.ca_file}
    if settings.username and settings.password:
        module = "plain.PlainLoginModule" if settings.sasl_mechanism == "PLAIN" else "scram.ScramLoginModule"
        login = f"username={_quoted(settings.username)} password={_quoted(settings.password.get_secret_value())}"
        options |= {
            "kafka.sasl.mechanism": settings.sasl_mechanism,
            "kafka.sasl.jaas.config": f"org.apache.kafka.common.security.{module} required {login};",
        }
    return options


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
