"""Publishing is killed at planted points, and read from while it replaces everything."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from demo.mongo import MongoServer
from jobs.publish import job
from jobs.publish.settings import PublishSettings
from jobs.shared import tables
from jobs.shared.documents import FINAL_RECOMMENDATIONS
from jobs.shared.entry import main
from jobs.shared.settings import LakeSettings, MongoSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryLake
from jobs.shared.storage.mongo import MongoStore
from tests.support.promoted import MADE_AT, promote, stock

REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COLLECTIONS = ("final_recommendations", "similar_episodes", "publications")

pytestmark = pytest.mark.services


@pytest.fixture
def lake_uri(tmp_path: Path) -> str:
    """A second generation, smaller than the first, that is not published yet."""
    uri = str(tmp_path / "lake")
    lake = DeltaLake(LakeSettings(uri=uri))
    stock(lake)
    promote(lake, "g1")
    promote(lake, "g2", users=9, first=5)
    return uri


@pytest.fixture
def store(mongo: MongoServer) -> Iterator[MongoStore]:
    with MongoStore(MongoSettings(uri=mongo.uri, database=f"publish-{uuid.uuid4().hex[:8]}")) as store:
        yield store


def settings_for(lake_uri: str, mongo: MongoServer, database: str) -> PublishSettings:
    return PublishSettings(lake=LakeSettings(uri=lake_uri), mongo=MongoSettings(uri=mongo.uri, database=database))


def publish_first_generation(store: MongoStore, settings: PublishSettings) -> None:
    lake = MemoryLake()
    stock(lake)
    # Under another title, so that both collections are new the next time.
    renamed = [{"podcast_id": "p0", "title": "The Old Show"}]
    lake.upsert(tables.PODCASTS, pa.Table.from_pylist(renamed, schema=tables.PODCASTS.schema))
    promote(lake, "g1")
    job.run(lake, store, settings, NOW)


def contents(store: MongoStore) -> dict[str, list[dict[str, Any]]]:
    """Everything in the database but the moment of publishing."""
    found = {name: list(store._database[name].find({}, {"published_at": 0}).sort("_id", 1)) for name in COLLECTIONS}
    assert all(found.values())
    return found


@pytest.mark.parametrize(
    "point",
    [
        "final_recommendations 6",
        "after final_recommendations",
        "retired final_recommendations",
        "after publications",
        "similar_episodes 9",
    ],
)
def test_after_a_kill_the_next_run_leaves_what_an_undisturbed_one_would(point: str, lake_uri: str, mongo: MongoServer) -> None:
    states = []
    for killed in (True, False):
        database = f"killed-{uuid.uuid4().hex[:8]}"
        settings = settings_for(lake_uri, mongo, database)
        with MongoStore(settings.mongo) as store:
            publish_first_generation(store, settings)
            if killed:
                command = [sys.executable, str(REPOSITORY / "tests/faults/publish_until_killed.py"), point, lake_uri, mongo.uri, database]
                ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False)
                assert ended.returncode == -signal.SIGKILL, ended.stderr
                listeners = store.keys(FINAL_RECOMMENDATIONS, 100)
                assert {"*", *(f"u{i:03}" for i in range(9))} <= set(listeners), "nobody's list is missing meanwhile"
            job.run(DeltaLake(settings.lake), store, settings, NOW)
            states.append(contents(store))
    assert states[0] == states[1]
    assert {document["generation"] for document in states[0]["final_recommendations"]} == {"g2"}


def test_readers_never_see_an_empty_or_half_written_set(mongo: MongoServer, store: MongoStore) -> None:
    lake = MemoryLake()
    stock(lake)
    settings = settings_for("unused", mongo, "unused")
    promote(lake, "g00")
    job.run(lake, store, settings, NOW)
    listeners = store.keys(FINAL_RECOMMENDATIONS, 100)
    done = threading.Event()
    problems: list[str] = []
    reads = [0, 0]

    def read(reader: int) -> None:
        while not done.is_set():
            if reader == 0 and store._database[FINAL_RECOMMENDATIONS.name].count_documents({}) < len(listeners):
                problems.append("documents are missing")
            for listener in listeners:
                document = store.get(FINAL_RECOMMENDATIONS, listener)
                if document is None:
                    problems.append(f"{listener} has no list")
                elif len(document.recommendations) != 3 or {entry.reasons[0].text for entry in document.recommendations} != {
                    f"popular this week ({document.generation})"
                }:
                    problems.append(f"{listener} has a mixed list")
                reads[reader] += 1

    readers = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 21):
            promote(lake, f"g{number:02}", first=number, made_at=MADE_AT + timedelta(seconds=number))
            job.run(lake, store, settings, NOW)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert problems == []
    assert min(reads) > 20
    assert {store.get(FINAL_RECOMMENDATIONS, listener).generation for listener in listeners} == {"g20"}


def test_a_store_that_is_down_ends_the_stage_with_1_and_its_address(lake_uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from jobs.publish.__main__ import start

    config = tmp_path / "publish.yaml"
    config.write_text(f"lake: {{uri: {lake_uri}}}\nmongo: {{uri: 'mongodb://127.0.0.1:9', timeout_s: 1}}\n")
    assert main("publish", PublishSettings, start, doc=None, argv=["--config", str(config)]) == 1
    assert "MongoDB at mongodb://127.0.0.1:9" in capfd.readouterr().err
