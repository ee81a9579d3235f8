"""When similarity works, and what of its last result it keeps."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jobs.shared import tables
from jobs.shared.models import Provenance
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryLake
from jobs.similarity import core, job

ROOT = Path(__file__).parents[3]
NOTHING_TO_DO = """
import sys
from jobs.similarity.__main__ import start
from jobs.similarity.settings import SimilaritySettings
assert start(SimilaritySettings(lake={"uri": sys.argv[1]}), None).details == {"nothing_to_do": True}
assert not {"pyspark", "sklearn"} & set(sys.modules)
"""
DIGEST, COUNT = "settings", 3


def corpus(*names: str, moved: str = "") -> job.Corpus:
    vectors = np.array([np.random.default_rng([*name.encode(), name == moved]).random(6) for name in sorted(names)], dtype=np.float32)
    return job.Corpus(tuple(sorted(names)), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def everyone(of: job.Corpus) -> core.Positions:
    return np.arange(len(of.episode_ids))


@pytest.fixture
def lake() -> MemoryLake:
    """The lists of the episodes b, d, e and f."""
    made = MemoryLake()
    compared = corpus("b", "d", "e", "f")
    rows = job.listed(compared.episode_ids, everyone(compared), job.neighbours_of(compared, None, everyone(compared), COUNT))
    note = {job.COMPARED: compared.fingerprint()}
    made.replace(tables.SIMILARITIES, pa.table(rows), provenance=Provenance(stage="similarity", settings=DIGEST, sources={}, note=note))
    return made


def test_new_episodes_are_compared_with_all_and_enter_the_old_lists(lake: MemoryLake) -> None:
    grown = corpus("a", "b", "c", "d", "e", "f")
    known = job.already_compared(lake, grown, DIGEST, COUNT)
    assert known is not None
    assert known.new.tolist() == [0, 2]
    found = job.neighbours_of(grown, known, everyone(grown), COUNT)
    full = job.neighbours_of(grown, None, everyone(grown), COUNT)
    assert (found.positions == full.positions).all()
    assert (found.scores == full.scores).all()


@pytest.mark.parametrize(
    ("names", "moved", "digest"),
    [("abdef", "d", DIGEST), ("abdef", "", "other settings"), ("abde", "", DIGEST), ("abcdefghi", "", DIGEST)],
    ids=["an old vector changed", "settings changed", "an episode is gone", "most are new"],
)
def test_everything_is_compared_again_where(lake: MemoryLake, names: str, moved: str, digest: str) -> None:
    assert job.already_compared(lake, corpus(*names, moved=moved), digest, COUNT) is None


def test_vectors_of_another_model_are_left_out() -> None:
    rows = [{"episode_id": name, "vector": [1.0] * width, "model": model} for name, width, model in [("c", 2, "m"), ("a", 2, "m"), ("b", 3, "n")]]
    assert job.comparable(pa.Table.from_pylist(rows, schema=tables.EPISODE_VECTORS.schema)) == (["a", "c"], 1)


def test_an_episode_is_never_similar_to_itself_and_ranks_begin_at_one(lake: MemoryLake) -> None:
    rows = lake.read(tables.SIMILARITIES).to_pylist()
    assert all(row["episode_id"] != row["similar_episode_id"] and 0 < row["score"] <= 1 for row in rows)
    assert {name: [row["rank"] for row in rows if row["episode_id"] == name] for name in "bdef"} == {name: [1, 2, 3] for name in "bdef"}


def test_nothing_new_ends_without_spark(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", NOTHING_TO_DO, str(tmp_path / "never-written")], cwd=ROOT, check=True, timeout=60)
    made = DeltaLake(LakeSettings(uri=str(tmp_path)))
    vectors = pa.Table.from_pylist([{"episode_id": "a", "vector": [1.0], "model": "m"}], schema=tables.EPISODE_VECTORS.schema)
    made.upsert(tables.EPISODE_VECTORS, vectors)
    newest = made.newest(tables.EPISODE_VECTORS)
    assert newest is not None
    assert job.news(made, DIGEST) == newest
    provenance = Provenance(stage="similarity", settings=DIGEST, sources={"episode_vectors": newest.version})
    made.replace(tables.SIMILARITIES, tables.SIMILARITIES.empty(), provenance=provenance)
    assert job.news(made, DIGEST) is None
    assert job.news(made, "other settings") == newest
