"""What embed does with one episode, and which episodes it takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.embed import core, job
from jobs.shared import tables
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.encoder import PACKAGED_MODEL
from jobs.shared.storage.memory import MemoryEncoder, MemoryLake

ROOT = Path(__file__).parents[3]
NOTHING_TO_DO = """
import sys
from jobs.embed.__main__ import start
from jobs.embed.settings import EmbedSettings
report = start(EmbedSettings(lake={"uri": sys.argv[1]}), None)
assert report.details == {"nothing_to_do": True} and report.skipped == 2, report
assert not {"pyspark", "onnxruntime", "tokenizers", "torch"} & set(sys.modules)
"""


def transcripts(**texts: str) -> pa.Table:
    rows = [{"episode_id": name, "text": text, "segments": []} for name, text in texts.items()]
    return pa.Table.from_pylist(rows, schema=tables.TRANSCRIPTS.schema)


def vectors(model: str, *names: str) -> pa.Table:
    return pa.Table.from_pylist([{"episode_id": name, "vector": [1.0], "model": model} for name in names], schema=tables.EPISODE_VECTORS.schema)


def test_episodes_without_a_vector_of_this_model_are_pending_and_silence_is_not() -> None:
    lake = MemoryLake()
    lake.upsert(tables.TRANSCRIPTS, transcripts(done="a.", fresh="b.", other_model="c.", silent=""))
    lake.upsert(tables.EPISODE_VECTORS, pa.concat_tables([vectors("words", "done"), vectors("older", "other_model")]))
    assert job.pending(lake, "words") == (["fresh", "other_model"], 2)


def test_nothing_to_do_ends_without_spark_and_without_a_model(tmp_path: Path) -> None:
    lake = DeltaLake(LakeSettings(uri=str(tmp_path)))
    lake.upsert(tables.TRANSCRIPTS, transcripts(done="a.", silent=""))
    lake.upsert(tables.EPISODE_VECTORS, vectors(PACKAGED_MODEL, "done"))
    subprocess.run([sys.executable, "-c", NOTHING_TO_DO, str(tmp_path)], cwd=ROOT, check=True, timeout=60)


def test_an_episode_becomes_its_chunks_and_one_vector_on_the_first() -> None:
    encoder = MemoryEncoder()
    text = " ".join(f"word{index} here." for index in range(30))
    rows = job.encode(encoder, "e1", core.speech(text, ()), 32, 4).to_pylist()
    assert [row["chunk_index"] for row in rows] == list(range(len(rows)))
    assert len(rows) == 4
    assert np.allclose([row["vector"] for row in rows], encoder.encode([row["text"] for row in rows]))
    assert np.allclose(rows[0]["episode_vector"], core.pool(np.array([row["vector"] for row in rows], dtype=np.float32)))
    assert all(row["episode_vector"] is None for row in rows[1:])
    assert {row["failure"] for row in rows} == {None}


def test_an_episode_that_cannot_be_encoded_says_why() -> None:
    rows = job.encode(MemoryEncoder(broken_word="boom"), "e1", core.speech("All fine. Then boom.", ()), 32, 4).to_pylist()
    assert [(row["episode_id"], row["failure"]) for row in rows] == [("e1", "encoder-failed")]
