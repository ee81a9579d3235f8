"""One suite for every lake: the fake and delta-rs in a folder (and on S3, in test_lake_s3.py)."""

from pathlib import Path

import pyarrow as pa
import pytest

from jobs.shared import tables
from jobs.shared.errors import StorageError
from jobs.shared.models import Provenance
from jobs.shared.ports import TableWriter
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryLake

PROVENANCE = Provenance(stage="embed", settings="abc", sources={"transcripts": 7})


@pytest.fixture(params=["memory", "folder"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> TableWriter:
    return MemoryLake() if request.param == "memory" else DeltaLake(LakeSettings(uri=str(tmp_path / "lake")))


def vectors(**ids: float) -> pa.Table:
    rows = [{"episode_id": name, "vector": [value, 1.0], "model": "m"} for name, value in ids.items()]
    return pa.Table.from_pylist(rows, schema=tables.EPISODE_VECTORS.schema)


def attempts(*outcomes: str) -> pa.Table:
    return pa.Table.from_pylist([{"episode_id": "a", "outcome": outcome} for outcome in outcomes], schema=tables.TRANSCRIPTION_ATTEMPTS.schema)


def values(lake: TableWriter) -> dict[str, float]:
    return {row["episode_id"]: row["vector"][0] for row in lake.read(tables.EPISODE_VECTORS).to_pylist()}


class LakeContract:
    """Behaviours of every lake; subclasses bring the `lake` fixture."""

    def test_a_table_never_written_reads_as_empty_in_its_schema(self, lake: TableWriter) -> None:
        rows = lake.read(tables.EPISODES, columns=["title", "episode_id"])
        assert rows.num_rows == 0
        assert rows.schema.names == ["title", "episode_id"]
        assert lake.newest(tables.EPISODES) is None

    def test_an_upsert_replaces_by_key_and_keeps_the_rest(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODE_VECTORS, vectors(a=1, b=2))
        lake.upsert(tables.EPISODE_VECTORS, vectors(b=3, c=4))
        assert values(lake) == {"a": 1, "b": 3, "c": 4}

    def test_the_same_upsert_twice_changes_nothing(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODE_VECTORS, vectors(a=1, b=2))
        lake.upsert(tables.EPISODE_VECTORS, vectors(a=1, b=2))
        assert lake.read(tables.EPISODE_VECTORS).num_rows == 2

    def test_the_last_of_two_rows_with_one_key_wins(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODE_VECTORS, pa.concat_tables([vectors(a=1), vectors(a=2)]))
        assert values(lake) == {"a": 2}

    def test_a_transaction_is_appended_once(self, lake: TableWriter) -> None:
        written = [lake.append_once(tables.EPISODE_VECTORS, vectors(a=1), ("query", version)) for version in (0, 0, 1, 0)]
        assert written == [True, False, True, False]
        assert lake.append_once(tables.EPISODE_VECTORS, vectors(a=1), ("another", 0))
        assert lake.read(tables.EPISODE_VECTORS).num_rows == 3

    def test_facts_are_appended(self, lake: TableWriter) -> None:
        lake.append(tables.TRANSCRIPTION_ATTEMPTS, attempts("failed"))
        lake.append(tables.TRANSCRIPTION_ATTEMPTS, attempts("failed", "done"))
        assert sorted(lake.read(tables.TRANSCRIPTION_ATTEMPTS)["outcome"].to_pylist()) == ["done", "failed", "failed"]

    def test_keyed_tables_are_not_appended_to(self, lake: TableWriter) -> None:
        with pytest.raises(ValueError, match="has a key"):
            lake.append(tables.EPISODE_VECTORS, vectors(a=1))

    def test_nothing_to_write_makes_no_commit(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODE_VECTORS, vectors())
        lake.append(tables.TRANSCRIPTION_ATTEMPTS, attempts())
        assert lake.newest(tables.EPISODE_VECTORS) is None

    def test_replace_touches_only_what_the_condition_names(self, lake: TableWriter) -> None:
        rows = [{"generation": g, "metric": "ndcg@10", "value": v} for g, v in [("g1", 0.1), ("g2", 0.2)]]
        lake.upsert(tables.EVALUATIONS, pa.Table.from_pylist(rows, schema=tables.EVALUATIONS.schema))
        new = pa.Table.from_pylist([{"generation": "g2", "metric": "recall@10", "value": 0.3}], schema=tables.EVALUATIONS.schema)
        lake.replace(tables.EVALUATIONS, new, where=[("generation", "=", "g2")])
        assert {(row["generation"], row["metric"]) for row in lake.read(tables.EVALUATIONS).to_pylist()} == {("g1", "ndcg@10"), ("g2", "recall@10")}

    def test_conditions_filter_rows(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODE_VECTORS, vectors(a=1, b=2, c=3))
        assert lake.read(tables.EPISODE_VECTORS, ["episode_id"], [("episode_id", "in", ["a", "c", "it's"])]).num_rows == 2
        assert lake.read(tables.EPISODE_VECTORS, ["episode_id"], [("episode_id", "!=", "a"), ("model", "=", "m")]).num_rows == 2

    def test_delete_says_how_many_rows_went(self, lake: TableWriter) -> None:
        assert lake.delete(tables.EPISODE_VECTORS, [("episode_id", "=", "a")]) == 0
        lake.upsert(tables.EPISODE_VECTORS, vectors(a=1, b=2))
        assert lake.delete(tables.EPISODE_VECTORS, [("episode_id", "=", "a")]) == 1
        assert values(lake) == {"b": 2}

    def test_provenance_is_kept_in_the_commit_that_wrote_the_rows(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODE_VECTORS, vectors(a=1), PROVENANCE)
        newest = lake.newest(tables.EPISODE_VECTORS)
        assert newest is not None
        assert newest.provenance == PROVENANCE
        lake.upsert(tables.EPISODE_VECTORS, vectors(b=1))
        later = lake.newest(tables.EPISODE_VECTORS)
        assert later is not None
        assert later.version > newest.version
        assert later.provenance is None


class TestLake(LakeContract):
    pass


def test_maintenance_is_no_new_data(tmp_path: Path) -> None:
    lake = DeltaLake(LakeSettings(uri=str(tmp_path)))
    lake.upsert(tables.EPISODE_VECTORS, vectors(a=1), PROVENANCE)
    lake.upsert(tables.EPISODE_VECTORS, vectors(b=1), PROVENANCE)
    before = lake.newest(tables.EPISODE_VECTORS)
    opened = lake.open(tables.EPISODE_VECTORS)
    assert opened is not None
    opened.optimize.compact()
    opened.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert lake.newest(tables.EPISODE_VECTORS) == before


def test_an_unreadable_lake_is_an_outage_and_not_an_empty_table(tmp_path: Path) -> None:
    lake = DeltaLake(LakeSettings(uri=str(tmp_path)))
    lake.upsert(tables.EPISODE_VECTORS, vectors(a=1))
    for file in (tmp_path / "episode_vectors").glob("*.parquet"):
        file.unlink()
    with pytest.raises(StorageError, match="episode_vectors"):
        lake.read(tables.EPISODE_VECTORS)
