"""Every Delta table, declared once: schema, key, partitions, properties and the stage that writes it."""

from dataclasses import dataclass, field

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
VECTOR = pa.list_(pa.float32())

BASE_PROPERTIES = {
    # delta-rs reads no table with deletion vectors into Arrow.
    "delta.enableDeletionVectors": "false",
    # Reading 2,000 commits without a checkpoint costs 1.4 s a query, with one 23 ms.
    "delta.checkpointInterval": "10",
}


@dataclass(frozen=True)
class Table:
    """A Delta table; `key` identifies a row (empty: rows are facts that are only appended)."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    written_by: str
    partition_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=lambda: dict(BASE_PROPERTIES))

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names)

    def empty(self) -> pa.Table:
        """No rows, in this table's schema."""
        return self.schema.empty_table()


def _schema(*columns: tuple[str, pa.DataType], required: tuple[str, ...] = ()) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name not in required) for name, kind in columns])


PODCASTS = Table(
    "podcasts",
    _schema(
        ("podcast_id", pa.string()),
        ("title", pa.string()),
        ("author", pa.string()),
        ("language", pa.string()),
        ("categories", pa.list_(pa.string())),
        ("image_url", pa.string()),
        ("feed_url", pa.string()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("last_fetched_at", TIMESTAMP),
        ("last_error", pa.string()),
        # Digest of the settings that the feed was read under: under other ones an unchanged feed may hold what was not taken then.
        ("settings", pa.string()),
        # Ids announced for this feed, newest first and bounded: what makes a second fetch publish nothing again.
        ("announced_episode_ids", pa.list_(pa.string())),
    ),
    key=("podcast_id",),
    written_by="fetch_metadata",
)

EPISODES = Table(
    "episodes",
    _schema(
        ("episode_id", pa.string()),
        ("podcast_id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("published_at", TIMESTAMP),
        ("duration_s", pa.float64()),
        ("audio_url", pa.string()),
        ("transcript_url", pa.string()),
        ("transcript_type", pa.string()),
        ("image_url", pa.string()),
        ("language", pa.string()),
    ),
    key=("episode_id",),
    written_by="transcribe",
)

SEGMENT = pa.struct([("start_s", pa.float64()), ("end_s", pa.float64()), ("speaker", pa.string()), ("text", pa.string())])

TRANSCRIPTS = Table(
    "transcripts",
    _schema(
        ("episode_id", pa.string()),
        ("text", pa.string()),
        ("segments", pa.list_(SEGMENT)),
        ("language", pa.string()),
        ("source", pa.string()),
        ("model", pa.string()),
    ),
    key=("episode_id",),
    written_by="transcribe",
)

TRANSCRIPTION_ATTEMPTS = Table(
    "transcription_attempts",
    _schema(
        ("episode_id", pa.string()),
        ("attempted_at", TIMESTAMP),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("error", pa.string()),
    ),
    key=(),
    written_by="transcribe",
)

CHUNKS = Table(
    "chunks",
    _schema(
        ("episode_id", pa.string()),
        ("chunk_index", pa.int32()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("text", pa.string()),
        ("vector", VECTOR),
        ("model", pa.string()),
    ),
    key=("episode_id", "chunk_index"),
    written_by="embed",
)

EPISODE_VECTORS = Table(
    "episode_vectors",
    _schema(("episode_id", pa.string()), ("vector", VECTOR), ("model", pa.string())),
    key=("episode_id",),
    written_by="embed",
)

LEXICAL_VECTORS = Table(
    "lexical_vectors",
    _schema(("episode_id", pa.string()), ("vector", VECTOR), ("method", pa.string())),
    key=("episode_id",),
    written_by="similarity",
)

SIMILARITIES = Table(
    "similarities",
    _schema(("episode_id", pa.string()), ("rank", pa.int32()), ("similar_episode_id", pa.string()), ("score", pa.float64())),
    key=("episode_id", "rank"),
    written_by="similarity",
)

USER_EVENTS = Table(
    "user_events",
    _schema(
        ("event_id", pa.string()),
        ("user_id", pa.string()),
        ("episode_id", pa.string()),
        ("kind", pa.string()),
        ("rating", pa.int32()),
        ("position_s", pa.float64()),
        ("ts", TIMESTAMP),
        # DuckDB skips no files by a timestamp; by an integer it does.
        ("ts_min", pa.int32()),
        ("day", pa.date32()),
    ),
    key=("event_id",),
    written_by="stream_events",
    partition_by=("day",),
)

USER_VS_EPISODE_DAILY = Table(
    "user_vs_episode_daily",
    _schema(
        ("user_id", pa.string()),
        ("episode_id", pa.string()),
        ("day", pa.date32()),
        ("plays", pa.int32()),
        ("pauses", pa.int32()),
        ("skips", pa.int32()),
        ("completes", pa.int32()),
        ("likes", pa.int32()),
        ("rating", pa.int32()),
        ("listened_s", pa.float64()),
        ("engagement", pa.float64()),
        ("last_event_at", TIMESTAMP),
    ),
    key=("user_id", "episode_id", "day"),
    written_by="stream_events",
    partition_by=("day",),
)

ALS_USER_FACTORS = Table(
    "als_user_factors",
    _schema(("generation", pa.string()), ("user_id", pa.string()), ("factors", VECTOR)),
    key=("generation", "user_id"),
    written_by="train_als",
    partition_by=("generation",),
)

ALS_EPISODE_FACTORS = Table(
    "als_episode_factors",
    _schema(("generation", pa.string()), ("episode_id", pa.string()), ("factors", VECTOR)),
    key=("generation", "episode_id"),
    written_by="train_als",
    partition_by=("generation",),
)

REASON = pa.struct([("kind", pa.string()), ("text", pa.string()), ("episode_id", pa.string()), ("weight", pa.float64())])

RECOMMENDATIONS = Table(
    "recommendations",
    _schema(
        ("generation", pa.string()),
        ("user_id", pa.string()),
        ("rank", pa.int32()),
        ("episode_id", pa.string()),
        ("score", pa.float64()),
        ("reasons", pa.list_(REASON)),
        ("generated_at", TIMESTAMP),
    ),
    key=("generation", "user_id", "rank"),
    written_by="recommend",
    partition_by=("generation",),
)

EVALUATIONS = Table(
    "evaluations",
    _schema(
        ("generation", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("split", pa.string()),
        # The same metric for the popularity baseline, and for the live generation on the same split.
        ("baseline", pa.float64()),
        ("live", pa.float64()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("evaluated_at", TIMESTAMP),
    ),
    key=("generation", "metric"),
    written_by="evaluate",
)

PLANTED_TASTES = Table(
    "planted_tastes",
    _schema(
        ("user_id", pa.string()),
        ("topics", pa.list_(pa.string())),
        ("favourite_podcast_ids", pa.list_(pa.string())),
        ("patience", pa.float64()),
        # The episodes that this taste likes best, best first: the planted answer that only an evaluation may read.
        ("liked_episode_ids", pa.list_(pa.string())),
    ),
    key=("user_id",),
    written_by="simulate_events",
)

ALL = (
    PODCASTS,
    EPISODES,
    TRANSCRIPTS,
    TRANSCRIPTION_ATTEMPTS,
    CHUNKS,
    EPISODE_VECTORS,
    LEXICAL_VECTORS,
    SIMILARITIES,
    USER_EVENTS,
    USER_VS_EPISODE_DAILY,
    ALS_USER_FACTORS,
    ALS_EPISODE_FACTORS,
    RECOMMENDATIONS,
    EVALUATIONS,
    PLANTED_TASTES,
)
