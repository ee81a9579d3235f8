"""Which episodes are to be transcribed, and the rows that say what came of it; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from jobs.shared import tables
from jobs.shared.errors import RecordError
from jobs.shared.models import Episode, Segment, Transcript
from jobs.shared.ports import Received
from jobs.shared.topics import EPISODE_METADATA, DeadLetter

MAX_PAYLOAD = 10_000
MAX_ERROR = 2_000
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class History:
    """What is known of some episodes: which have a transcript, which a noted success, and how often each failed."""

    transcribed: frozenset[str]
    done: frozenset[str]
    failures: Counter[str]


def history(transcribed: Iterable[str], attempts: Iterable[dict[str, Any]]) -> History:
    """The history that the rows of `transcription_attempts` and the ids of `transcripts` tell."""
    done: set[str] = set()
    failures: Counter[str] = Counter()
    for attempt in attempts:
        if attempt["outcome"] == DONE:
            done.add(attempt["episode_id"])
        else:
            failures[attempt["episode_id"]] += 1
    return History(frozenset(transcribed), frozenset(done), failures)


def retryable(past: History, max_attempts: int) -> list[str]:
    """Episodes that failed, may be tried again, and have no transcript; those with the fewest tries first."""
    return sorted(
        (episode for episode, failed in past.failures.items() if failed < max_attempts and episode not in past.transcribed),
        key=lambda episode: (past.failures[episode], episode),
    )


@dataclass(frozen=True)
class Records:
    """Polled records, read: each episode once, as its last record says it."""

    episodes: list[Episode]
    repeated: int
    letters: list[DeadLetter]


def read_records(records: Iterable[Received]) -> Records:
    """The episodes of the records, and a dead letter for each that holds none."""
    episodes: dict[str, Episode] = {}
    letters: list[DeadLetter] = []
    repeated = 0
    for record in records:
        try:
            episode: Episode = EPISODE_METADATA.decode(record.value)
        except RecordError as error:
            letters.append(_letter(record, error))
            continue
        repeated += episode.episode_id in episodes
        episodes[episode.episode_id] = episode
    return Records(list(episodes.values()), repeated, letters)


def _letter(record: Received, error: RecordError) -> DeadLetter:
    payload = (record.value or b"").decode("utf-8", errors="replace")[:MAX_PAYLOAD]
    return DeadLetter(
        topic=record.topic, partition=record.partition, offset=record.offset, reason=error.reason, message=str(error)[:MAX_ERROR], payload=payload
    )


@dataclass(frozen=True)
class Outcome:
    """What came of one try: a transcript, or the reason why there is none.

    A transcript with a reason was heard because the publisher's could not be used.
    """

    episode_id: str
    transcript: Transcript | None
    reason: str | None = None
    error: str | None = None
    audio_s: float = 0.0


def transcript_of(episode_id: str, segments: Sequence[Segment], *, language: str, source: str, model: str) -> Transcript:
    """The segments and their text as one transcript."""
    text = " ".join(segment.text for segment in segments)
    return Transcript.model_validate(
        {"episode_id": episode_id, "text": text, "segments": tuple(segments), "language": language, "source": source, "model": model}
    )


def episode_rows(episodes: Iterable[Episode]) -> pa.Table:
    """Rows of `episodes`."""
    return pa.Table.from_pylist([episode.model_dump() for episode in episodes], schema=tables.EPISODES.schema)


def changed(episodes: Iterable[Episode], stored: pa.Table) -> list[Episode]:
    """The episodes whose row is missing or says something else."""
    known = {row["episode_id"]: row for row in stored.to_pylist()}
    return [episode for episode in episodes if known.get(episode.episode_id) != episode.model_dump()]


def transcript_rows(outcomes: Iterable[Outcome]) -> pa.Table:
    """Rows of `transcripts`."""
    rows = [outcome.transcript.model_dump() for outcome in outcomes if outcome.transcript is not None]
    return pa.Table.from_pylist([row | {"segments": list(row["segments"])} for row in rows], schema=tables.TRANSCRIPTS.schema)


def attempt_rows(outcomes: Iterable[Outcome], at: datetime) -> pa.Table:
    """Rows of `transcription_attempts`."""
    rows = []
    for outcome in outcomes:
        row = _attempt(outcome.episode_id, at, FAILED if outcome.transcript is None else DONE)
        rows.append(row | {"reason": outcome.reason, "error": outcome.error[:MAX_ERROR] if outcome.error else None})
    return pa.Table.from_pylist(rows, schema=tables.TRANSCRIPTION_ATTEMPTS.schema)


def success_rows(episodes: Iterable[str], at: datetime) -> pa.Table:
    """Rows of `transcription_attempts` for transcripts that stand without one."""
    return pa.Table.from_pylist([_attempt(episode, at, DONE) for episode in episodes], schema=tables.TRANSCRIPTION_ATTEMPTS.schema)


def _attempt(episode_id: str, at: datetime, outcome: str) -> dict[str, Any]:
    return {"episode_id": episode_id, "attempted_at": at, "outcome": outcome, "reason": None, "error": None}
