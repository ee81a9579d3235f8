"""One real Kafka broker (KRaft, broker and controller in one process), run from its jars.

`python -m demo.kafka --port P --data DIR` runs it in the foreground, with the topics of `jobs.shared.topics`.
"""

import argparse
import base64
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from demo import java
from demo.errors import DemoError, SetupError
from demo.home import JARS, ROOT
from demo.server import HOST, Server, free_port, serve, tail
from jobs.shared import topics
from jobs.shared.settings import KafkaSettings
from jobs.shared.storage.kafka_topics import KafkaTopics

HEAP = ("-Xms256m", "-Xmx512m")
"""Enough for one machine's worth of events; the process takes 400 to 480 MB."""

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=BROKER://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=BROKER://{host}:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=6000
"""

LOGGING = """\
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss} %p %c: %m%n
"""


class KafkaBroker(Server):
    """A broker whose records survive restarts and kill -9; topics exist only when they were created."""

    title = "Kafka"
    option = "--kafka-port"

    def __init__(self, port: int, data: Path, log: Path, jars: Path = JARS / "kafka") -> None:
        super().__init__(port, log)
        self.data = data.absolute()
        self.jars = jars

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    def command(self) -> list[str]:
        return self._java(*HEAP, "-cp", f"{self.jars}/*", "kafka.Kafka", str(self.data / "server.properties"))

    def _java(self, *arguments: str) -> list[str]:
        if not list(self.jars.glob("kafka_*.jar")):
            raise SetupError(f"no Kafka jars in {self.jars}: fetch them with 'make jars'")
        logging = f"-Dlog4j2.configurationFile={self.data / 'log4j2.properties'}"
        return [str(java.home() / "bin" / "java"), "-XX:+UseSerialGC", logging, *arguments]

    def prepare(self) -> None:
        logs = self.data / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        properties = self.data / "server.properties"
        # Nobody else speaks to the controller, so its port may differ from start to start.
        properties.write_text(PROPERTIES.format(host=HOST, port=self.port, controller=free_port(), logs=logs))
        (self.data / "log4j2.properties").write_text(LOGGING)
        if not (logs / "meta.properties").exists():
            self._format(properties)

    def _format(self, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # A cluster id may begin with a dash, so it is bound to its option.
        quick = "-XX:TieredStopAtLevel=1"  # it lives for a second
        command = self._java(quick, "-cp", f"{self.jars}/*", "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties))
        with self.log.open("ab") as output:
            result = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, check=False)
        if result.returncode != 0:
            raise DemoError(f"Kafka's storage could not be made in {self.data}. The end of {self.log}:\n{tail(self.log)}")

    def answers(self) -> bool:
        try:
            return bool(admin(self.bootstrap_servers).list_topics(timeout=2).brokers)
        except KafkaException:
            return False


def admin(bootstrap_servers: str) -> AdminClient:
    """A client that says nothing while the broker is not there yet."""
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})


def create_topics(bootstrap_servers: str, declared: Iterable[topics.Topic] = topics.ALL) -> None:
    """Every declared topic exists with its declared settings; what is there already keeps its records."""
    KafkaTopics(KafkaSettings(bootstrap_servers=bootstrap_servers)).prepare(declared, replication_factor=1)


class TopicsBroker(KafkaBroker):
    """The broker that is ready when the topics are there."""

    def ready(self, timeout_s: float = 90.0) -> None:
        super().ready(timeout_s)
        create_topics(self.bootstrap_servers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m demo.kafka", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    raise SystemExit(serve(TopicsBroker(options.port, options.data, options.data / "kafka.log")))
