"""Events a second from Kafka to Delta, and the time one micro-batch takes: `python -m tests.bench.bench_stream`.

A broker of its own is started; events are spread over one day and over three weeks (a backfill touches every day's partition).
"""

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from demo.kafka import TopicsBroker, admin, create_topics
from demo.server import free_port
from jobs.shared import tables, topics
from jobs.shared.models import EventKind, UserEvent
from jobs.shared.settings import KafkaSettings, LakeSettings, SparkSettings
from jobs.shared.spark import session
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.kafka import KafkaLog
from jobs.stream_events import job, query
from jobs.stream_events.checkpoint import Checkpoint
from jobs.stream_events.settings import StreamEventsSettings

JARS = Path(__file__).parents[2] / ".earshot" / "jars" / "spark"


def events(count: int, days: float, rng: np.random.Generator) -> list[UserEvent]:
    """Plays and their ends of 5,000 listeners and 2,000 episodes."""
    end = datetime.now(UTC)
    seconds = np.sort(rng.uniform(0, days * 86_400, count))[::-1]
    made = []
    for index, before in enumerate(seconds):
        kind = EventKind.PLAY if index % 2 == 0 else EventKind.COMPLETE
        made.append(
            UserEvent(
                event_id=str(uuid.UUID(bytes=rng.bytes(16))),
                user_id=f"u{rng.integers(5000)}",
                episode_id=f"e{rng.integers(2000)}",
                kind=kind,
                position_s=0.0 if kind is EventKind.PLAY else 1800.0,
                ts=end - timedelta(seconds=float(before)),
            )
        )
    return made


class Timed(job.EventSink):
    """Remembers how long the storing of each batch took."""

    def __init__(self, lake: DeltaLake, log: KafkaLog, query_id: Callable[[], str]) -> None:
        super().__init__(lake, log, query_id)
        self.batches_s: list[float] = []

    def write(self, parsed: pa.Table, batch_id: int) -> None:
        began = time.monotonic()
        super().write(parsed, batch_id)
        self.batches_s.append(time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=10, help="further micro-batches of 1,000 events, for the latency of a live stream")
    count = parser.parse_args()
    rng = np.random.default_rng(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with TopicsBroker(free_port(), root / "kafka", root / "kafka.log") as broker:
            kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
            spark_settings = SparkSettings(jars_dir=str(JARS))
            with session("bench", spark_settings, LakeSettings(uri="unused")) as spark:
                for name, days in (("warm-up", 1.0), ("one day", 1.0), ("three weeks", 21.0)):
                    lake = LakeSettings(uri=str(root / name.replace(" ", "-")))
                    topic_reset(broker.bootstrap_servers)
                    size = 20_000 if name == "warm-up" else count.events
                    KafkaLog(kafka).publish(topics.USER_EVENTS, events(size, days, rng))
                    rows.append((name, *drain(spark, kafka, lake, count.batch)))
                for _ in range(count.small):
                    KafkaLog(kafka).publish(topics.USER_EVENTS, events(1000, 0.01, rng))
                    rows.append(("1,000 more", *drain(spark, kafka, lake, count.batch)))
    print(f"{'events over':<14}{'events':>9}{'events/s':>10}{'store p50 s':>13}{'store max s':>13}{'stored':>9}")
    live = [row for row in rows if row[0] == "1,000 more"]
    for name, read, seconds, batches, stored in [row for row in rows if row[0] not in ("warm-up", "1,000 more")]:
        print(f"{name:<14}{read:>9,}{read / seconds:>10,.0f}{np.median(batches):>13.2f}{max(batches):>13.2f}{stored:>9,}")
    if live:
        batches = [batch for row in live for batch in row[3]]
        read = sum(row[1] for row in live)
        print(f"{'1,000 at once':<14}{read:>9,}{'':>10}{np.median(batches):>13.2f}{max(batches):>13.2f}{live[-1][4]:>9,}")


def topic_reset(bootstrap_servers: str) -> None:
    """An empty user-events, so that each measurement reads its own events alone."""
    client = admin(bootstrap_servers)
    for future in client.delete_topics([topics.USER_EVENTS.name]).values():
        future.result()
    while topics.USER_EVENTS.name in client.list_topics(timeout=10).topics:
        pass
    create_topics(bootstrap_servers)


def drain(spark, kafka, lake, batch):  # type: ignore[no-untyped-def]
    """One `--once` on a warm session: records read, seconds, seconds of each batch, rows stored."""
    settings = StreamEventsSettings(lake=lake, kafka=kafka, max_offsets_per_trigger=batch)
    checkpoint = Checkpoint(settings.checkpoint_uri, lake)
    sink = Timed(DeltaLake(lake), KafkaLog(kafka), checkpoint.query_id)
    began = datetime.now(UTC)
    report = query.run(spark, sink, checkpoint.spark_uri, settings, once=True)
    seconds = (datetime.now(UTC) - began).total_seconds()
    return report.read, seconds, sink.batches_s, DeltaLake(lake).read(tables.USER_EVENTS, ["event_id"]).num_rows


if __name__ == "__main__":
    main()
