"""Documents out of rows."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from jobs.shared.documents import Reason, RecommendedEpisode, SimilarEpisode, SimilarEpisodes, UserRecommendations

BATCH_ROWS = 10_000
"""Rows that are Python values at once."""


@dataclass(frozen=True)
class Shelf:
    """What a front end shows of an episode: title, podcast and audio address, by id. Counts the ids that it does not know."""

    episodes: Mapping[str, dict[str, str]]
    unknown: Counter[str] = field(default_factory=Counter)

    def find(self, episode_id: str) -> dict[str, str] | None:
        found = self.episodes.get(episode_id)
        if found is None:
            self.unknown[episode_id] += 1
        return found


def shelf(episodes: pa.Table, podcasts: pa.Table) -> Shelf:
    """The episodes with their shows' titles."""
    shows = {row["podcast_id"]: row["title"] or "" for row in podcasts.to_pylist()}
    return Shelf(
        {
            row["episode_id"]: {"title": row["title"] or "", "podcast": shows.get(row["podcast_id"], ""), "audio_url": row["audio_url"] or ""}
            for row in episodes.to_pylist()
        }
    )


def edition(parts: Mapping[str, Any]) -> str:
    """The name of what is published from `parts`: the same parts make the same edition."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def recommendations(rows: pa.Table, episodes: Shelf, *, generation: str, edition: str, generated_at: datetime) -> Iterator[UserRecommendations]:
    """A document a listener. An entry whose episode is unknown is left out, and a list without any entry with it."""
    for user_id, entries in groupby(_ordered(rows, "user_id"), lambda row: row["user_id"]):
        shown = tuple(
            RecommendedEpisode(recommended_episode_id=row["episode_id"], score=row["score"], reasons=tuple(Reason(**each) for each in row["reasons"]), **known)
            for row in entries
            if (known := episodes.find(row["episode_id"])) is not None
        )
        if shown:
            yield UserRecommendations(user_id=user_id, generation=generation, edition=edition, generated_at=generated_at, recommendations=shown)


def similar(rows: pa.Table, episodes: Shelf, *, edition: str, count: int) -> Iterator[SimilarEpisodes]:
    """A document an episode with its `count` nearest."""
    for episode_id, entries in groupby(_ordered(rows, "episode_id"), lambda row: row["episode_id"]):
        shown = [
            SimilarEpisode(similar_episode_id=row["similar_episode_id"], score=row["score"], **known)
            for row in entries
            if (known := episodes.find(row["similar_episode_id"])) is not None
        ]
        if shown:
            yield SimilarEpisodes(episode_id=episode_id, edition=edition, similar=tuple(shown[:count]))


def _ordered(rows: pa.Table, key: str) -> Iterator[dict[str, Any]]:
    for batch in rows.sort_by([(key, "ascending"), ("rank", "ascending")]).to_batches(max_chunksize=BATCH_ROWS):
        yield from batch.to_pylist()
