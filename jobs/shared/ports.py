"""What the stages need from the outside world, as protocols; adapters and fakes are in `storage`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias

import pyarrow as pa

from jobs.shared.documents import Collection
from jobs.shared.models import Commit, Episode, Model, Provenance, Segment
from jobs.shared.tables import Table
from jobs.shared.topics import Topic

if TYPE_CHECKING:
    # Stages that encode nothing do not install NumPy.
    import numpy as np
    from numpy.typing import NDArray

Where: TypeAlias = Sequence[tuple[str, str, Any]]
"""Conditions that must all hold: (column, operator, value); operators are =, !=, <, <=, >, >=, in, not in."""


class TableReader(Protocol):
    """Reads Delta tables. A table that was never written reads as empty."""

    def read(self, table: Table, columns: Sequence[str] | None = None, where: Where = ()) -> pa.Table:
        """Rows of the newest version, in the table's schema cut to `columns`."""
        ...

    def newest(self, table: Table) -> Commit | None:
        """The newest commit that changed data (OPTIMIZE and VACUUM do not), None for a table without any."""
        ...


class TableWriter(TableReader, Protocol):
    """Writes Delta tables; every call is one atomic commit, or none where there is nothing to write."""

    def append(self, table: Table, rows: pa.Table, provenance: Provenance | None = None) -> None:
        """Add rows. Only for tables without a key."""
        ...

    def append_once(self, table: Table, rows: pa.Table, transaction: tuple[str, int]) -> bool:
        """Add rows, unless `transaction` (application, version), or a later version of that application, was written; whether it was added."""
        ...

    def upsert(self, table: Table, rows: pa.Table, provenance: Provenance | None = None) -> None:
        """Insert or replace rows by the table's key; the last one wins where `rows` holds a key twice."""
        ...

    def replace(self, table: Table, rows: pa.Table, where: Where = (), provenance: Provenance | None = None) -> None:
        """Put `rows` in the place of all rows that fulfil `where` (none given: of all rows). Commits also when `rows` is empty."""
        ...

    def delete(self, table: Table, where: Where) -> int:
        """Remove rows and return how many there were."""
        ...


@dataclass(frozen=True)
class Received:
    """One record as it lies in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class RecordQueue(Protocol):
    """Consumes one topic as a member of a group."""

    def poll(self, limit: int, timeout_s: float) -> list[Received]:
        """Up to `limit` records; fewer, or none, when no more arrive for `timeout_s` seconds."""
        ...

    def commit(self) -> None:
        """Acknowledge everything polled so far: call it after the durable write."""
        ...


class EventLog(Protocol):
    """Publishes records and answers only when the broker has them."""

    def publish(self, topic: Topic, values: Iterable[Model]) -> int:
        """Write all values, wait for every delivery report, return their number; StorageError if one is missing."""
        ...


@dataclass(frozen=True)
class Announced:
    """An episode id as it lies in `episode-ids`."""

    offset: int
    episode_id: str
    podcast_id: str


class Announcements(Protocol):
    """Publishes episodes, each announced whole or not at all, by one process at a time."""

    def since(self, offset: int) -> list[Announced]:
        """Every id announced at or after `offset`, oldest first; nobody older can announce any more once this has been called."""
        ...

    def announce(self, episodes: Sequence[Episode]) -> None:
        """Write the metadata and the ids of all episodes in one transaction; StorageError if it did not happen."""
        ...


@dataclass(frozen=True)
class Page:
    """A successful answer: status 200 with a body, or 304 without."""

    url: str
    """Where the answer came from in the end."""
    moved_to: str | None
    """Where permanent redirects lead; None without any."""
    status: int
    body: bytes
    """Empty where the body went into a file."""
    size_bytes: int
    media_type: str
    etag: str | None = None
    last_modified: str | None = None


class Web(Protocol):
    """Fetches from hosts that nobody vouches for."""

    def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] = ...,
        into: BinaryIO | None = None,
        timeout_s: float | None = None,
        redirects: int = ...,
    ) -> Page:
        """The answer, its body in `into` where that is given; SourceError with a reason for everything but 200 and 304."""
        ...


@dataclass(frozen=True)
class Speaking:
    """What a speech model heard; no segments in silence."""

    segments: tuple[Segment, ...]
    language: str
    duration_s: float


class Speech(Protocol):
    """Turns speech into text; may be called from several threads at once."""

    @property
    def model(self) -> str:
        """Name of the model, kept beside what it heard."""
        ...

    @property
    def workers(self) -> int:
        """How many files it hears at once."""
        ...

    def transcribe(self, audio: BinaryIO, language: str) -> Speaking:
        """What is said in the audio file; an empty `language` is detected. AudioError if it cannot be heard."""
        ...


class DocumentReader(Protocol):
    """Reads documents by id."""

    def get(self, collection: Collection, key: str) -> Any | None:
        """The document as the collection's payload, None where there is none."""
        ...

    def keys(self, collection: Collection, limit: int) -> list[str]:
        """Up to `limit` ids, in order."""
        ...


class DocumentStore(DocumentReader, Protocol):
    """Writes documents, each replaced as a whole and at once."""

    def prepare(self) -> None:
        """Make indexes and views; calling it again changes nothing."""
        ...

    def put(self, collection: Collection, documents: Iterable[Model]) -> int:
        """Insert or replace each document by its id and return their number."""
        ...

    def retire(self, collection: Collection, edition: str) -> int:
        """Remove the documents of every other edition and return their number."""
        ...

    def delete(self, collection: Collection, key: str) -> bool:
        """Remove one document; whether it was there."""
        ...


class Encoder(Protocol):
    """Turns text into unit vectors whose dot product is the cosine similarity of two meanings."""

    @property
    def model(self) -> str:
        """Name of model and weights: vectors of different names cannot be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that the model reads, its own marks not counted; the rest of a longer text is ignored."""
        ...

    def tokens(self, text: str) -> "NDArray[np.int64]":
        """Start and end of each token in `text`, in characters, as [tokens, 2]; never truncated."""
        ...

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """A unit vector a text, [texts, dimension], in their order; EncodingError where the model fails."""
        ...
