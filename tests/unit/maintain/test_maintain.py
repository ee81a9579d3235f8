import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.maintain import core, job
from jobs.maintain.settings import MaintainSettings
from jobs.shared import tables
from jobs.shared.documents import FINAL_RECOMMENDATIONS, UserRecommendations
from jobs.shared.errors import StorageError
from jobs.shared.models import Provenance
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryStore

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
PROVENANCE = Provenance(stage="simulate_events", settings="abc", sources={"episodes": 1})


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(LakeSettings(uri=str(tmp_path)))


def settings(**changes) -> MaintainSettings:
    return MaintainSettings(**({"lake": {"uri": "unused"}, "compact_from": 4} | changes))


def events(user: str, *numbers: int) -> pa.Table:
    rows = []
    for number in numbers:
        # Later numbers are earlier in time: a rewrite that only concatenates files would leave them out of order.
        ts = NOON - dt.timedelta(minutes=number)
        rows.append(
            {
                "event_id": f"{user}-{number}",
                "user_id": user,
                "episode_id": "ep",
                "kind": "play",
                "ts": ts,
                "ts_min": int(ts.timestamp()) // 60,
                "day": ts.date(),
            }
        )
    return pa.Table.from_pylist(rows, schema=tables.USER_EVENTS.schema)


def fill(lake: DeltaLake, batches: int = 6) -> None:
    for number in range(batches):
        lake.append_once(tables.USER_EVENTS, events("u" if number % 2 else "v", number), ("q", number))


def files(lake: DeltaLake, table: tables.Table) -> list[Path]:
    return sorted(Path(lake.uri(table)).rglob("*.parquet"))


def test_small_files_are_written_together_in_order_and_then_there_is_nothing_to_do(lake: DeltaLake) -> None:
    fill(lake)
    before = lake.read(tables.USER_EVENTS).sort_by("event_id")
    newest = lake.newest(tables.USER_EVENTS)
    report = job.run(lake, settings(), dt.datetime.now(dt.UTC))
    assert (report.written, report.details["files_compacted"], report.details["files_written"]) == (1, 6, 1)
    after = lake.read(tables.USER_EVENTS)
    assert after.sort_by("event_id") == before
    assert after["ts_min"].to_pylist() == sorted(after["ts_min"].to_pylist())
    assert lake.newest(tables.USER_EVENTS) == newest, "maintenance is no news to other stages"
    assert list(Path(lake.uri(tables.USER_EVENTS), "_delta_log").glob("*.checkpoint.parquet"))
    assert job.run(lake, settings(), dt.datetime.now(dt.UTC)).details["nothing_to_do"] is True


def test_unused_files_are_kept_for_the_retention_and_then_deleted_once_a_day(lake: DeltaLake) -> None:
    fill(lake)
    job.run(lake, settings(), dt.datetime.now(dt.UTC))
    kept = [path for path in files(lake, tables.USER_EVENTS) if "_delta_log" not in path.parts]
    assert len(kept) == 7
    care = job.TableCare(lake, tables.USER_EVENTS)
    assert care.unused(dt.timedelta(days=7)) == 0
    assert care.unused(dt.timedelta(0)) == 6
    assert care.vacuum(dt.timedelta(0)) == 6
    assert care.unused(dt.timedelta(0)) == 6, "the log still lists them"
    assert job.run(lake, settings(), dt.datetime.now(dt.UTC)).details["nothing_to_do"] is True
    assert lake.read(tables.USER_EVENTS).num_rows == 6


def test_only_crowded_partitions_are_rewritten() -> None:
    rows = pa.table({"size_bytes": [10, 10, 10, 900, 10], "day": [NOON.date()] * 4 + [dt.date(2026, 11, 1)]})
    assert core.crowded(rows, ["day"], small_bytes=100, from_files=3) == [{"day": "2026-11-20"}]
    assert core.crowded(rows, ["day"], small_bytes=100, from_files=4) == []
    assert core.crowded(rows.select(["size_bytes"]), [], small_bytes=100, from_files=4) == [{}]


def test_nothing_is_lost_when_a_stream_writes_during_maintenance(lake: DeltaLake) -> None:
    fill(lake)

    def stream() -> None:
        for number in range(6, 26):
            lake.append_once(tables.USER_EVENTS, events("u", number), ("q", number))

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(stream)
        while not writer.done():
            job.run(lake, settings(compact_from=2), dt.datetime.now(dt.UTC))
    writer.result()
    assert sorted(row["ts_min"] for row in lake.read(tables.USER_EVENTS).to_pylist()) == sorted(int((NOON.timestamp()) // 60) - number for number in range(26))


def store() -> MemoryStore:
    made = MemoryStore()
    documents = [UserRecommendations(user_id=user, generation="g", edition="e", generated_at=NOON, recommendations=()) for user in ("u", "v")]
    made.put(FINAL_RECOMMENDATIONS, documents)
    return made


def plant(lake: DeltaLake) -> None:
    fill(lake)
    tastes = [{"user_id": user, "topics": ["t"], "favourite_podcast_ids": [], "patience": 0.5, "liked_episode_ids": []} for user in ("u", "v")]
    lake.replace(tables.PLANTED_TASTES, pa.Table.from_pylist(tastes, schema=tables.PLANTED_TASTES.schema), provenance=PROVENANCE)


def test_an_erased_listener_is_in_no_table_no_file_and_no_document(lake: DeltaLake) -> None:
    plant(lake)
    documents = store()
    report = job.erase(lake, documents, "u")
    assert report.details["erased"] == {"user_events": 3, "planted_tastes": 1, "final_recommendations": 1}
    assert set(report.details["found_after"].values()) == {0}
    assert lake.read(tables.USER_EVENTS)["user_id"].to_pylist() == ["v"] * 3
    assert documents.get(FINAL_RECOMMENDATIONS, "u") is None
    assert documents.get(FINAL_RECOMMENDATIONS, "v") is not None
    for table in (tables.USER_EVENTS, tables.PLANTED_TASTES):
        for path in files(lake, table):
            if "_delta_log" not in path.parts:
                assert "u" not in pq.read_table(path, partitioning=None)["user_id"].to_pylist(), path
    assert lake.newest(tables.PLANTED_TASTES).provenance == PROVENANCE, "nothing is simulated again because of it"
    assert job.erase(lake, documents, "u").written == 0


def test_a_receipt_is_refused_while_the_listener_is_still_found(lake: DeltaLake) -> None:
    plant(lake)

    class Deaf(MemoryStore):
        def delete(self, collection, key) -> bool:
            return False

    deaf = Deaf()
    deaf.__dict__.update(store().__dict__)
    with pytest.raises(StorageError, match="final_recommendations"):
        job.erase(lake, deaf, "u")


def test_an_id_that_holds_sql_is_a_mere_text(lake: DeltaLake) -> None:
    plant(lake)
    assert job.erase(lake, store(), "x' OR '1'='1").written == 0
    assert lake.read(tables.USER_EVENTS).num_rows == 6
