"""stream_events as a process, with a real broker, killed and run again."""

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Consumer, Producer

from demo.kafka import KafkaBroker, admin, create_topics
from demo.server import free_port
from jobs.shared import tables, topics
from jobs.shared.models import EventKind, UserEvent
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake

pytestmark = [pytest.mark.spark, pytest.mark.services]

ROOT = Path(__file__).parents[2]
JARS = ROOT / ".earshot" / "jars" / "spark"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
BAD = [b"{", b'{"event_id": "x"}', b""]


def events() -> list[UserEvent]:
    chance = random.Random(5)
    made = []
    for number in range(600):
        kind = chance.choice(list(EventKind))
        made.append(
            UserEvent(
                event_id=f"e{number}",
                user_id=f"u{chance.randrange(12)}",
                episode_id=f"ep{chance.randrange(6)}",
                kind=kind,
                rating=chance.randint(1, 5) if kind is EventKind.RATE else None,
                position_s=float(chance.randrange(1800)),
                ts=NOW - dt.timedelta(seconds=chance.randrange(3 * 86_400)),
            )
        )
    return made


@pytest.fixture(scope="module")
def filled(kafka: KafkaBroker) -> KafkaBroker:
    """The broker with a user-events topic that holds these events, some of them twice, and bad records."""
    client = admin(kafka.bootstrap_servers)
    for future in client.delete_topics([topics.USER_EVENTS.name, topics.USER_EVENTS_DEAD.name]).values():
        future.result()
    deadline = time.monotonic() + 30
    while topics.USER_EVENTS.name in client.list_topics(timeout=10).topics and time.monotonic() < deadline:
        time.sleep(0.2)
    create_topics(kafka.bootstrap_servers)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number, event in enumerate(chosen := events() + events()[:50]):
        key, value = topics.USER_EVENTS.encode(event)
        producer.produce(topics.USER_EVENTS.name, key=key, value=value)
        if number % 100 == 0:
            producer.produce(topics.USER_EVENTS.name, key=b"bad", value=BAD[number // 100 % len(BAD)])
    assert producer.flush(30) == 0
    assert len(chosen) == 650
    return kafka


def config(folder: Path, bootstrap_servers: str, **kafka: float) -> Path:
    if not list(JARS.glob("delta-spark*.jar")):
        pytest.skip("needs Spark's jars: `make test` fetches them")
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "lake": {"uri": str(folder / "lake")},
        "kafka": {"bootstrap_servers": bootstrap_servers, **kafka},
        "spark": {"master": "local[2]", "jars_dir": str(JARS), "shuffle_partitions": 2},
        "max_offsets_per_trigger": 250,
        "trigger_interval_s": 1,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False, start_new_session=True)


def report(done: subprocess.CompletedProcess[str]) -> dict:
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return next(line for line in lines if line["message"] == "report")


def contents(folder: Path) -> dict[str, list[dict]]:
    lake = DeltaLake(LakeSettings(uri=str(folder / "lake")))
    return {
        table.name: lake.read(table).sort_by([(column, "ascending") for column in table.key]).to_pylist()
        for table in (tables.USER_EVENTS, tables.USER_VS_EPISODE_DAILY)
    }


@pytest.fixture(scope="module")
def clean(filled: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """The tables of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("clean")
    done = run("jobs.stream_events", "--config", str(config(folder, filled.bootstrap_servers)), "--once")
    assert done.returncode == 0, done.stderr[-2000:]
    told = report(done)
    assert (told["read"], told["written"], told["skipped"], told["failed"]) == (657, 600, 50, 7)
    assert told["dead"] == {"not-json": 3, "wrong-fields": 2, "empty": 2}
    again = run("jobs.stream_events", "--config", str(folder / "config.yaml"), "--once")
    assert report(again)["nothing_to_do"] is True
    assert report(again)["elapsed_s"] < 20
    return contents(folder)


def test_a_stream_that_is_killed_again_and_again_ends_with_the_tables_of_a_clean_run(filled: KafkaBroker, clean: dict[str, list[dict]], tmp_path: Path) -> None:
    path = config(tmp_path, filled.bootstrap_servers)
    deaths = [
        ("letters", 1),  # first batch: its dead letters are out, nothing is stored
        ("append", 2),  # second batch: nothing of it is stored
        ("appended", 1),  # second batch: its events are stored, its days are not
        ("upserted", 2),  # third batch: all is stored, Spark does not know
    ]
    for point, number in deaths:
        killed = run("tests.faults.killed_stream", point, str(number), "--config", str(path), "--once")
        assert killed.returncode == -signal.SIGKILL, (point, killed.stderr[-2000:])
    done = run("jobs.stream_events", "--config", str(path), "--once")
    assert done.returncode == 0, done.stderr[-2000:]
    assert contents(tmp_path) == clean


def test_dead_letters_name_each_bad_record(filled: KafkaBroker, clean: dict[str, list[dict]]) -> None:
    assert clean
    consumer = Consumer({"bootstrap.servers": filled.bootstrap_servers, "group.id": "letters", "auto.offset.reset": "earliest"})
    consumer.subscribe([topics.USER_EVENTS_DEAD.name])
    letters = [topics.USER_EVENTS_DEAD.decode(message.value()) for message in consumer.consume(100, timeout=15)]
    consumer.close()
    places = {(letter.partition, letter.offset): letter.reason for letter in letters}
    assert sorted(places.values()) == ["empty", "empty", "not-json", "not-json", "not-json", "wrong-fields", "wrong-fields"]


def test_a_broker_that_is_down_is_named_in_seconds(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    done = run("jobs.stream_events", "--config", str(config(tmp_path, address, timeout_s=5)), "--once")
    assert done.returncode == 1
    assert address in done.stderr
    assert time.monotonic() - began < 30


def test_sigterm_ends_an_endless_stream_with_a_report(filled: KafkaBroker, clean: dict[str, list[dict]], tmp_path: Path) -> None:
    path = config(tmp_path, filled.bootstrap_servers)
    errors = tmp_path / "stderr"
    with errors.open("w") as output:
        command = [sys.executable, "-m", "jobs.stream_events", "--config", str(path)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=output, stdout=output, start_new_session=True)
        try:
            deadline = time.monotonic() + 200
            while f'"done": {len(clean["user_events"])}' not in errors.read_text() and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.2)
            process.terminate()
            assert process.wait(60) == 0, errors.read_text()[-2000:]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert '"stopped": true' in errors.read_text()
    assert contents(tmp_path) == clean
