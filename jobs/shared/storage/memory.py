"""Fakes of every port, kept to the same contract tests as the real adapters; for tests and dry runs."""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.shared.documents import Collection
from jobs.shared.errors import AudioError, EncodingError, ItemError, SourceError
from jobs.shared.models import Commit, Episode, Model, Provenance, Segment
from jobs.shared.ports import Announced, Page, Received, Speaking, Where
from jobs.shared.tables import Table
from jobs.shared.topics import EPISODE_IDS, EPISODE_METADATA, EpisodeKnown, Topic

if TYPE_CHECKING:
    # Stages that encode nothing do not install NumPy.
    import numpy as np
    from numpy.typing import NDArray


class MemoryLake:
    """Tables in this process; every write is a commit, like in Delta."""

    def __init__(self) -> None:
        self._rows: dict[str, pa.Table] = {}
        self._commits: dict[str, list[Commit]] = {}
        self._transactions: dict[tuple[str, str], int] = {}

    def read(self, table: Table, columns: Sequence[str] | None = None, where: Where = ()) -> pa.Table:
        rows = self._rows.get(table.name, table.empty())
        if where:
            rows = rows.filter(pq.filters_to_expression(list(where)))
        return rows.select(list(columns)) if columns is not None else rows

    def newest(self, table: Table) -> Commit | None:
        commits = self._commits.get(table.name)
        return commits[-1] if commits else None

    def append(self, table: Table, rows: pa.Table, provenance: Provenance | None = None) -> None:
        if table.key:
            raise ValueError(f"{table.name} has a key: upsert or replace it")
        if rows.num_rows:
            self._put(table, pa.concat_tables([self.read(table), rows.cast(table.schema)]), provenance)

    def append_once(self, table: Table, rows: pa.Table, transaction: tuple[str, int]) -> bool:
        application, version = transaction
        if self._transactions.get((table.name, application), -1) >= version:
            return False
        self._put(table, pa.concat_tables([self.read(table), rows.cast(table.schema)]), None)
        self._transactions[(table.name, application)] = version
        return True

    def upsert(self, table: Table, rows: pa.Table, provenance: Provenance | None = None) -> None:
        if not table.key:
            raise ValueError(f"{table.name} has no key: append to it")
        if not rows.num_rows:
            return
        merged = {tuple(row[name] for name in table.key): row for row in self.read(table).to_pylist()}
        merged |= {tuple(row[name] for name in table.key): row for row in rows.cast(table.schema).to_pylist()}
        self._put(table, pa.Table.from_pylist(list(merged.values()), schema=table.schema), provenance)

    def replace(self, table: Table, rows: pa.Table, where: Where = (), provenance: Provenance | None = None) -> None:
        kept = self.read(table).filter(~pq.filters_to_expression(list(where))) if where else table.empty()
        self._put(table, pa.concat_tables([kept, rows.cast(table.schema)]), provenance)

    def delete(self, table: Table, where: Where) -> int:
        rows = self.read(table)
        kept = rows.filter(~pq.filters_to_expression(list(where)))
        if kept.num_rows < rows.num_rows:
            self._put(table, kept, None)
        return int(rows.num_rows - kept.num_rows)

    def _put(self, table: Table, rows: pa.Table, provenance: Provenance | None) -> None:
        self._rows[table.name] = rows
        commits = self._commits.setdefault(table.name, [])
        commits.append(Commit(version=len(commits) + 1, committed_at=datetime.now(UTC), provenance=provenance))


@dataclass
class MemoryTopics:
    """Topics in this process: what is published can be consumed, committed offsets survive a new consumer."""

    records: dict[str, list[Received]] = field(default_factory=dict)
    committed: dict[tuple[str, str], int] = field(default_factory=dict)

    def publish(self, topic: Topic, values: Iterable[Model]) -> int:
        encoded = [topic.encode(value) for value in values]
        for key, value in encoded:
            self.put(topic.name, key, value)
        return len(encoded)

    def put(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """Write raw bytes, as a producer that keeps no contract would."""
        log = self.records.setdefault(topic, [])
        log.append(Received(topic=topic, partition=0, offset=len(log), key=key, value=value))

    def consumer(self, topic: Topic, group: str) -> "MemoryQueue":
        return MemoryQueue(self, topic.name, group)


class MemoryQueue:
    """A member of a group over MemoryTopics."""

    def __init__(self, topics: MemoryTopics, topic: str, group: str) -> None:
        self._topics, self._topic, self._group = topics, topic, group
        self._position = topics.committed.get((topic, group), 0)

    def poll(self, limit: int, timeout_s: float) -> list[Received]:
        del timeout_s
        records = self._topics.records.get(self._topic, [])[self._position : self._position + limit]
        self._position += len(records)
        return records

    def commit(self) -> None:
        self._topics.committed[(self._topic, self._group)] = self._position


class MemoryStore:
    """Documents in this process."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, Any]] = {}

    def get(self, collection: Collection, key: str) -> Any | None:
        return self._of(collection).get(key)

    def keys(self, collection: Collection, limit: int) -> list[str]:
        return sorted(self._of(collection))[:limit]

    def prepare(self) -> None:
        """Nothing: this process needs neither indexes nor views."""

    def put(self, collection: Collection, documents: Iterable[Model]) -> int:
        count = 0
        for document in documents:
            self._of(collection)[getattr(document, collection.key)] = document
            count += 1
        return count

    def retire(self, collection: Collection, edition: str) -> int:
        old = [key for key, document in self._of(collection).items() if document.edition != edition]
        for key in old:
            self.delete(collection, key)
        return len(old)

    def delete(self, collection: Collection, key: str) -> bool:
        return self._of(collection).pop(key, None) is not None

    def _of(self, collection: Collection) -> dict[str, Any]:
        return self._documents.setdefault(collection.name, {})


class MemoryEncoder:
    """Encodes a text as the sum of fixed random vectors of its words: texts that share words are near each other."""

    def __init__(self, dimension: int = 32, max_tokens: int = 64, broken_word: str | None = None) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens
        self._broken_word = broken_word

    @property
    def model(self) -> str:
        return "words"

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def tokens(self, text: str) -> "NDArray[np.int64]":
        import numpy as np

        return np.array([match.span() for match in re.finditer(r"\w+|[^\w\s]", text)], dtype=np.int64).reshape(-1, 2)

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """`broken_word` in a text is a planted fault."""
        import numpy as np

        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            words = [text[start:end].lower() for start, end in self.tokens(text)[: self._max_tokens]]
            if self._broken_word in words:
                raise EncodingError("encoder-failed", f"met the word {self._broken_word}")
            for word in ["", *words]:
                vectors[row] += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(self._dimension)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


class MemoryAnnouncements:
    """Announces into MemoryTopics; both records are there or none."""

    def __init__(self, topics: MemoryTopics) -> None:
        self._topics = topics

    def since(self, offset: int) -> list[Announced]:
        found = []
        for record in self._topics.records.get(EPISODE_IDS.name, [])[offset:]:
            known: EpisodeKnown = EPISODE_IDS.decode(record.value)
            found.append(Announced(record.offset, known.episode_id, known.podcast_id))
        return found

    def announce(self, episodes: Sequence[Episode]) -> None:
        self._topics.publish(EPISODE_METADATA, episodes)
        self._topics.publish(EPISODE_IDS, [EpisodeKnown(episode_id=episode.episode_id, podcast_id=episode.podcast_id) for episode in episodes])


@dataclass
class MemoryWeb:
    """Answers by URL; an ItemError in the place of an answer is raised, and what is not there is `http-404`."""

    answers: dict[str, Page | bytes | ItemError] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] = MappingProxyType({}),
        into: BinaryIO | None = None,
        timeout_s: float | None = None,
        redirects: int = 5,
    ) -> Page:
        del timeout_s, redirects
        self.requests.append((url, dict(headers)))
        answer = self.answers.get(url, SourceError("http-404", f"{url}: HTTP status 404"))
        if isinstance(answer, ItemError):
            raise answer
        if isinstance(answer, bytes):
            answer = Page(url=url, moved_to=None, status=200, body=answer, size_bytes=len(answer), media_type="")
        if answer.etag is not None and headers.get("If-None-Match") == answer.etag:
            return replace(answer, status=304, body=b"", size_bytes=0)
        if answer.size_bytes > max_bytes:
            raise SourceError("too-large", f"{url}: more than {max_bytes} bytes")
        if into is None:
            return answer
        into.write(answer.body)
        return replace(answer, body=b"")


@dataclass
class MemorySpeech:
    """Hears the words that the file holds as text, one segment a line; a file that begins with `broken` cannot be heard."""

    model: str = "letters"
    workers: int = 2
    heard: list[str] = field(default_factory=list)

    def transcribe(self, audio: BinaryIO, language: str) -> Speaking:
        audio.seek(0)
        text = audio.read().decode()
        self.heard.append(text)
        if text.startswith("broken"):
            raise AudioError("not-audio", "the file holds no audio")
        lines = [line for line in text.splitlines() if line]
        segments = tuple(Segment(start_s=float(index), end_s=index + 1.0, text=line) for index, line in enumerate(lines))
        return Speaking(segments, language or "en", float(len(lines)))
