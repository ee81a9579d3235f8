"""Finds the nearest episodes of every episode, exactly, by meaning and by words.

Reads     Delta episode_vectors; transcripts of episodes without a lexical vector
Writes    Delta lexical_vectors (key episode_id), then similarities (key episode_id, rank; scores in 0..1), replaced in one commit
Needs     Java 17 and the Spark jars; memory for all vectors: about 20 kB an episode in the driver and in each worker
Delivery  a run that was killed leaves the similarities of before, and the next one makes the whole result
Bad item  episodes whose vector is of another model than most, or of another length, are counted and left out

Where only episodes were added, old pairs are not computed again: the new episodes are compared with all, and the old lists take in
the new ones. The result equals that of a full run exactly, because a score depends on its two episodes alone. Anything else that
changed (an old vector, the model, a setting) leads to a full run.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.shared import log, tables
from jobs.shared.entry import Report
from jobs.shared.models import Commit, Provenance
from jobs.shared.ports import TableReader

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import SparkSession

    from jobs.shared.storage.spark_delta import SparkLake
    from jobs.similarity import core

logger = log.stage_logger("similarity")

DESCRIBED_AT_ONCE = 1000
"""Episodes whose lexical vectors are written in one commit."""
COMPARED = "compared"
"""Note in the provenance: digest of the episodes and vectors whose pairs are all in the table."""


def news(lake: TableReader, digest: str) -> Commit | None:
    """The newest commit of episode_vectors, None where the similarities were made from it under the same settings."""
    newest = lake.newest(tables.EPISODE_VECTORS)
    if newest is None:
        return None
    made = lake.newest(tables.SIMILARITIES)
    if made is not None and made.provenance is not None:
        current = {tables.EPISODE_VECTORS.name: newest.version}
        if (made.provenance.settings, made.provenance.sources) == (digest, current):
            return None
    return newest


@dataclass(frozen=True)
class Mix:
    """How meaning and words make one score."""

    lexical_weight: float
    lexical_dimension: int

    @property
    def method(self) -> str:
        """What lexical vectors were made by."""
        return f"words-{self.lexical_dimension}"


@dataclass(frozen=True)
class Corpus:
    """Episodes in the order of their ids, and their mixed vectors."""

    episode_ids: tuple[str, ...]
    vectors: "core.Vectors"

    def fingerprint(self, positions: "core.Positions | None" = None) -> str:
        """Digest of these episodes' ids and vectors."""
        chosen = range(len(self.episode_ids)) if positions is None else positions
        digest = hashlib.sha256("\n".join(self.episode_ids[index] for index in chosen).encode())
        digest.update(np.ascontiguousarray(self.vectors if positions is None else self.vectors[positions]).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Known:
    """The lists that are complete but for the new episodes."""

    old: "core.Positions"
    new: "core.Positions"
    neighbours: "core.Neighbours"
    """Of the old ones, in their order, as positions in the corpus."""


def run(
    spark: "SparkSession",
    tabular: TableReader,
    lake: "SparkLake",
    source: Commit,
    digest: str,
    *,
    neighbours: int,
    mix: Mix,
    rows_per_task: int,
) -> Report:
    """Bring the similarities up to `source`. `tabular` and `lake` are the same tables, seen by delta-rs and by Spark."""
    semantic = tabular.read(tables.EPISODE_VECTORS)
    ids, left_out = comparable(semantic)
    described = _describe(spark, tabular, lake, ids, mix) if mix.lexical_weight > 0 else 0
    corpus = _corpus(tabular, semantic, ids, mix)
    known = already_compared(tabular, corpus, digest, neighbours)
    provenance = Provenance(
        stage="similarity",
        settings=digest,
        sources={tables.EPISODE_VECTORS.name: source.version},
        note={COMPARED: corpus.fingerprint()},
    )
    from jobs.shared.storage.spark_delta import spark_schema

    begins = [(begin,) for begin in range(0, len(ids), rows_per_task)]
    shared = spark.sparkContext.broadcast((corpus, known))
    rows = spark.createDataFrame(begins, "begin long").repartition(max(len(begins), 1))
    task = Compare(shared, neighbours, rows_per_task)
    lake.replace(tables.SIMILARITIES, rows.mapInArrow(task, spark_schema(tables.SIMILARITIES)), provenance=provenance)
    shared.destroy()
    return Report(
        read=len(ids),
        written=len(ids),
        failed=left_out,
        details={"described": described, "compared": len(ids) if known is None else len(known.new), "full": known is None},
    )


def comparable(semantic: pa.Table) -> tuple[list[str], int]:
    """Ids in order of the episodes whose vectors are of the model and length that most have, and the number of the others."""
    kinds = list(zip(semantic["model"].to_pylist(), pc.list_value_length(semantic["vector"]).to_pylist(), strict=True))
    if not kinds:
        return [], 0
    usual = max(Counter(kinds).items(), key=lambda item: (item[1], item[0]))[0]
    ids = sorted(name for name, kind in zip(semantic["episode_id"].to_pylist(), kinds, strict=True) if kind == usual)
    return ids, len(kinds) - len(ids)


def already_compared(lake: TableReader, corpus: Corpus, digest: str, count: int) -> Known | None:
    """What the table holds already, None where every pair has to be compared."""
    made = lake.newest(tables.SIMILARITIES)
    if made is None or made.provenance is None or made.provenance.settings != digest:
        return None
    rows = lake.read(tables.SIMILARITIES)
    listed = {*rows["episode_id"].to_pylist(), *rows["similar_episode_id"].to_pylist()}
    at = {name: position for position, name in enumerate(corpus.episode_ids)}
    if not listed <= at.keys():
        return None
    old = np.array([position for name, position in at.items() if name in listed], dtype=np.int64)
    new = np.setdiff1d(np.arange(len(at)), old)
    # An episode without any neighbour is in no row: it counts as new, and the fingerprint of the rest then differs.
    if len(new) * 2 > len(at) or corpus.fingerprint(old) != made.provenance.note.get(COMPARED):
        return None
    return Known(old, new, _lists(rows, at, old, count))


def _lists(rows: pa.Table, at: dict[str, int], old: "core.Positions", count: int) -> "core.Neighbours":
    from jobs.similarity import core

    row_of = {int(position): row for row, position in enumerate(old)}
    row = np.array([row_of[at[name]] for name in rows["episode_id"].to_pylist()], dtype=np.int64)
    rank = rows["rank"].to_numpy() - 1
    positions = np.full((len(old), count), core.NOBODY, dtype=np.int64)
    scores = np.zeros((len(old), count))
    positions[row, rank] = [at[name] for name in rows["similar_episode_id"].to_pylist()]
    scores[row, rank] = rows["score"].to_numpy()
    return core.Neighbours(positions, scores)


class Compare:
    """What one Spark task does: the neighbour lists of a block of episodes."""

    def __init__(self, shared: "Broadcast[tuple[Corpus, Known | None]]", count: int, rows_per_task: int) -> None:
        self._shared = shared
        self._count = count
        self._rows_per_task = rows_per_task

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of `similarities`."""
        corpus, known = self._shared.value
        for batch in batches:
            for begin in batch["begin"].to_pylist():
                rows = np.arange(begin, min(begin + self._rows_per_task, len(corpus.episode_ids)))
                found = neighbours_of(corpus, known, rows, self._count)
                yield listed(corpus.episode_ids, rows, found)


def neighbours_of(corpus: Corpus, known: Known | None, rows: "core.Positions", count: int) -> "core.Neighbours":
    """The lists of these rows; where only new episodes are missing in a list, it is compared with those alone."""
    from jobs.similarity import core

    everyone = np.arange(len(corpus.episode_ids))
    if known is None:
        return core.nearest(corpus.vectors, rows, everyone, count)
    is_new = np.isin(rows, known.new)
    positions = np.empty((len(rows), count), dtype=np.int64)
    scores = np.empty((len(rows), count))
    new = core.nearest(corpus.vectors, rows[is_new], everyone, count)
    positions[is_new], scores[is_new] = new.positions, new.scores
    at = np.searchsorted(known.old, rows[~is_new])
    before = core.Neighbours(known.neighbours.positions[at], known.neighbours.scores[at])
    old = core.merged(before, core.nearest(corpus.vectors, rows[~is_new], known.new, count), count)
    positions[~is_new], scores[~is_new] = old.positions, old.scores
    return core.Neighbours(positions, scores)


def listed(episode_ids: tuple[str, ...], rows: "core.Positions", found: "core.Neighbours") -> pa.RecordBatch:
    """The lists as rows of `similarities`, ranks from 1."""
    row, rank = np.nonzero(found.scores)
    names = np.array(episode_ids, dtype=object)
    columns = [
        pa.array(names[rows[row]], pa.string()),
        pa.array(rank + 1, pa.int32()),
        pa.array(names[found.positions[row, rank]], pa.string()),
        pa.array(found.scores[row, rank]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=tables.SIMILARITIES.schema)


class Describe:
    """What one Spark task does: the lexical vectors of a block of transcripts."""

    def __init__(self, method: str, dimension: int) -> None:
        self._method = method
        self._dimension = dimension

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of `lexical_vectors`."""
        from jobs.similarity import core

        for batch in batches:
            for transcript in batch.to_pylist():
                vector = core.lexical_vector(transcript["text"], self._dimension)
                row = {"episode_id": transcript["episode_id"], "vector": vector, "method": self._method}
                yield pa.RecordBatch.from_pylist([row], schema=tables.LEXICAL_VECTORS.schema)


def _describe(spark: "SparkSession", tabular: TableReader, lake: "SparkLake", ids: list[str], mix: Mix) -> int:
    """Write the lexical vectors that are missing and return their number."""
    from pyspark.sql import functions as F

    from jobs.shared.storage.spark_delta import spark_schema

    done = set(tabular.read(tables.LEXICAL_VECTORS, ["episode_id"], [("method", "=", mix.method)])["episode_id"].to_pylist())
    missing = [name for name in ids if name not in done]
    task = Describe(mix.method, mix.lexical_dimension)
    for begin in range(0, len(missing), DESCRIBED_AT_ONCE):
        log.progress(logger, "episodes described by their words", begin, len(missing))
        these = missing[begin : begin + DESCRIBED_AT_ONCE]
        texts = lake.read(tables.TRANSCRIPTS, ["episode_id", "text"]).where(F.col("episode_id").isin(these))
        vectors = texts.repartition(min(spark.sparkContext.defaultParallelism, len(these))).mapInArrow(task, spark_schema(tables.LEXICAL_VECTORS))
        lake.replace(tables.LEXICAL_VECTORS, vectors, [("episode_id", "in", these)])
    return len(missing)


def _corpus(tabular: TableReader, semantic: pa.Table, ids: list[str], mix: Mix) -> Corpus:
    from jobs.similarity import core

    meaning = _matrix(semantic, ids)
    words = np.zeros((len(ids), 0), dtype=np.float32)
    if mix.lexical_weight > 0:
        words = _matrix(tabular.read(tables.LEXICAL_VECTORS, where=[("method", "=", mix.method)]), ids, mix.lexical_dimension)
    return Corpus(tuple(ids), core.mixed(meaning, words, mix.lexical_weight))


def _matrix(rows: pa.Table, ids: list[str], width: int = 0) -> "core.Vectors":
    """The vectors of these ids, one a row, zero where there is none."""
    at = {name: row for row, name in enumerate(ids)}
    target = np.array([at.get(name, -1) for name in rows["episode_id"].to_pylist()], dtype=np.int64)
    kept = rows.filter(pa.array(target >= 0))
    values = np.asarray(kept["vector"].combine_chunks().flatten(), dtype=np.float32).reshape(kept.num_rows, -1) if kept.num_rows else None
    matrix = np.zeros((len(ids), width if values is None else values.shape[1]), dtype=np.float32)
    if values is not None:
        matrix[target[target >= 0]] = values
    return matrix
