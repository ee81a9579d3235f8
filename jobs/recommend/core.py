"""Lists out of four sources of candidates: pure functions over blocks of listeners."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.recommend.settings import ListSettings, SourceWeights
from jobs.shared.tables import RECOMMENDATIONS, VECTOR

Floats: TypeAlias = npt.NDArray[np.floating]
Ints: TypeAlias = npt.NDArray[np.integer]
Flags: TypeAlias = npt.NDArray[np.bool_]

SOURCES = ("collaborative", "similar", "popular", "fresh")

HISTORY = pa.struct(
    [("episode_id", pa.string()), ("engagement", pa.float64()), ("used_up", pa.bool_()), ("finished", pa.bool_()), ("liked", pa.bool_())],
)
LISTENERS = pa.schema([("user_id", pa.string()), ("factors", VECTOR), ("history", pa.list_(HISTORY))])
"""A block of listeners as `lists` takes it; factors may be null and the history empty."""
LISTS = pa.schema([column for column in RECOMMENDATIONS.schema if column.name not in {"generation", "generated_at"}])
BLOCK_CELLS = 4_000_000
"""Listeners times episodes that are scored at once: 32 MB a matrix."""
STEEPNESS = 10.0
"""How slowly the comparable score falls with the rank: the best candidate of a source has 1, the tenth after it a half."""


@dataclass(frozen=True)
class Catalogue:
    """The episodes' side of the scoring; row i of everything is episode i, in order of ids."""

    episode_ids: list[str]
    titles: list[str]
    show: Ints
    show_titles: list[str]
    candidate: Flags
    factors: Floats
    has_factors: Flags
    neighbours: Ints
    """Rows of the most similar episodes; -1 where there are fewer."""
    similarity: Floats
    popularity: Floats
    """Engagement of the newest days; 0 for what is not among the popular."""
    freshness: Floats
    """1 on the day of publication, falling to 0."""


def catalogue(
    *,
    episodes: pa.Table,
    podcasts: pa.Table,
    factors: pa.Table,
    similarities: pa.Table,
    popularity: pa.Table,
    settings: ListSettings,
    as_of: datetime,
    before: datetime | None = None,
) -> Catalogue:
    """The episodes, with what is known of them `as_of` a time; those published from `before` on are no candidates."""
    episodes = episodes.sort_by("episode_id")
    ids = episodes["episode_id"]
    count = len(ids)
    shows = pc.unique(episodes["podcast_id"])
    names = dict(zip(podcasts["podcast_id"].to_pylist(), podcasts["title"].to_pylist(), strict=True))
    factor_rows, factor_values = _rows(factors, ids), _matrix(factors["factors"])
    placed = np.zeros((count, factor_values.shape[1]), dtype=np.float32)
    placed[factor_rows[factor_rows >= 0]] = factor_values[factor_rows >= 0]
    has_factors = np.zeros(count, dtype=bool)
    has_factors[factor_rows[factor_rows >= 0]] = True
    neighbours, similarity = _neighbours(similarities, ids)
    heat = np.zeros(count)
    heat_rows = _rows(popularity, ids)
    heat[heat_rows[heat_rows >= 0]] = popularity["popularity"].to_numpy()[heat_rows >= 0]
    published = episodes["published_at"].to_pylist()
    ages_days = np.array([np.inf if at is None else max((as_of - at).total_seconds() / 86_400, 0.0) for at in published])
    return Catalogue(
        episode_ids=ids.to_pylist(),
        titles=episodes["title"].to_pylist(),
        show=pc.index_in(episodes["podcast_id"], value_set=shows).to_numpy(),
        show_titles=[names.get(show) or "an unknown show" for show in shows.to_pylist()],
        candidate=np.array([before is None or at is None or at < before for at in published], dtype=bool),
        factors=placed,
        has_factors=has_factors,
        neighbours=neighbours,
        similarity=similarity,
        popularity=_most_popular(heat, settings.popular_share),
        freshness=np.clip(1.0 - ages_days / settings.fresh_days, 0.0, None),
    )


def weights(cold: SourceWeights, warm: SourceWeights, half_history: float, engaged: int) -> Floats:
    """Weight of each source, in the order of SOURCES, for a listener who engaged with so many episodes; they sum to 1."""
    experience = engaged / (engaged + half_history)
    mixed = (1 - experience) * np.array(cold.as_tuple()) + experience * np.array(warm.as_tuple())
    return np.asarray(mixed / mixed.sum())


def comparable(scores: Floats) -> Floats:
    """Scores of one source's candidates on the scale that all sources share: by rank, the best has 1, equal ones have the same."""
    _, place = np.unique(-scores, return_inverse=True)
    counts = np.bincount(place)
    better = np.concatenate([[0], np.cumsum(counts)[:-1]])[place]
    return np.asarray(STEEPNESS / (STEEPNESS + better))


def lists(listeners: pa.Table, episodes: Catalogue, settings: ListSettings) -> pa.Table:
    """The list of every listener of a block, in the schema LISTS, best first."""
    rows = max(1, BLOCK_CELLS // max(1, len(episodes.episode_ids)))
    entries = [entry for start in range(0, listeners.num_rows, rows) for entry in _block(listeners.slice(start, rows).combine_chunks(), episodes, settings)]
    return pa.Table.from_pylist(entries, schema=LISTS)


def _block(listeners: pa.Table, episodes: Catalogue, settings: ListSettings) -> Iterator[dict[str, object]]:
    history = _history(listeners, episodes)
    scores = _scores(listeners, history, episodes)
    for position, user_id in enumerate(listeners["user_id"].to_pylist()):
        own = history.of(position)
        yield from _list(user_id, own, [source[position] for source in scores], episodes, settings)


@dataclass(frozen=True)
class _History:
    """Pairs of a listener's position in the block and an episode's row, ordered by both."""

    listener: Ints
    episode: Ints
    taste: Floats
    """Engagement on a logarithmic scale, signed: the tenth like says less than the first."""
    used_up: Flags
    finished: Flags
    liked: Flags

    def of(self, position: int) -> "_History":
        first, last = np.searchsorted(self.listener, [position, position + 1])
        cut = slice(first, last)
        return _History(self.listener[cut], self.episode[cut], self.taste[cut], self.used_up[cut], self.finished[cut], self.liked[cut])


def _history(listeners: pa.Table, episodes: Catalogue) -> _History:
    nested = listeners["history"].combine_chunks()
    flat = pc.list_flatten(nested)
    listener = pc.list_parent_indices(nested).to_numpy()
    episode = pc.fill_null(pc.index_in(pc.struct_field(flat, "episode_id"), value_set=pa.array(episodes.episode_ids, pa.string())), -1).to_numpy()
    engagement = pc.struct_field(flat, "engagement").to_numpy(zero_copy_only=False)
    order = np.lexsort((episode, listener))
    order = order[episode[order] >= 0]
    used_up, finished, liked = (pc.struct_field(flat, name).to_numpy(zero_copy_only=False).astype(bool)[order] for name in ("used_up", "finished", "liked"))
    taste = np.sign(engagement) * np.log1p(np.abs(engagement))
    return _History(listener[order], episode[order], taste[order], used_up, finished, liked)


def _scores(listeners: pa.Table, history: _History, episodes: Catalogue) -> list[Floats]:
    """A matrix a source: listeners by episodes, above 0 where the episode is a candidate of that source."""
    shape = (listeners.num_rows, len(episodes.episode_ids))
    allowed = np.broadcast_to(episodes.candidate, shape).copy()
    allowed[history.listener[history.used_up], history.episode[history.used_up]] = False

    known = pc.is_valid(listeners["factors"]).to_numpy(zero_copy_only=False)
    collaborative = np.zeros(shape)
    if known.any() and episodes.factors.shape[1]:
        # Rounded, so that equal factors tie whatever the order of the sums was.
        collaborative[known] = np.round(_matrix(listeners["factors"].filter(pa.array(known))) @ episodes.factors.T, 5)
        collaborative[:, ~episodes.has_factors] = 0.0

    similar = np.zeros(shape)
    near = episodes.neighbours[history.episode]
    there = near >= 0
    np.add.at(
        similar,
        (np.repeat(history.listener, there.sum(axis=1)), near[there]),
        (history.taste[:, None] * episodes.similarity[history.episode])[there],
    )

    liking = np.zeros((listeners.num_rows, len(episodes.show_titles)))
    np.add.at(liking, (history.listener, episodes.show[history.episode]), np.maximum(history.taste, 0.0))
    liking /= np.maximum(liking.max(axis=1, initial=0.0, keepdims=True), 1e-9)
    fresh = episodes.freshness * (1.0 + liking[:, episodes.show]) / 2
    popular = np.broadcast_to(episodes.popularity, shape)
    return [np.where(allowed, source, 0.0) for source in (collaborative, np.round(similar, 9), popular, fresh)]


def _list(user_id: str, own: _History, scores: list[Floats], episodes: Catalogue, settings: ListSettings) -> Iterator[dict[str, object]]:
    shared = weights(settings.cold, settings.warm, settings.half_history, int((own.taste > 0).sum()))
    parts = np.zeros((len(SOURCES), len(episodes.episode_ids)))
    for source, (weight, values) in enumerate(zip(shared, scores, strict=True)):
        best = _top(values, settings.pool)
        if weight > 0 and len(best):
            parts[source, best] = weight * comparable(values[best])
    # A source without any candidate for this listener leaves its weight to the others.
    parts /= max(float(shared[parts.any(axis=1)].sum()), 1e-12)
    total = np.minimum(parts.sum(axis=0), 1.0)
    taken: dict[int, int] = {}
    rank = 0
    for row in _top(np.round(total, 9), len(total)):
        show = int(episodes.show[row])
        if taken.get(show, 0) == settings.max_per_show:
            continue
        taken[show] = taken.get(show, 0) + 1
        rank += 1
        reasons = list(_reasons(int(row), parts[:, row], own, episodes, settings))
        yield {"user_id": user_id, "rank": rank, "episode_id": episodes.episode_ids[row], "score": float(total[row]), "reasons": reasons}
        if rank == settings.size:
            return


def _reasons(row: int, parts: Floats, own: _History, episodes: Catalogue, settings: ListSettings) -> Iterator[dict[str, object]]:
    for source in np.argsort(-parts, kind="stable"):
        if parts[source] <= 0:
            return
        kind = SOURCES[source]
        anchor: int | None = None
        if kind == "collaborative":
            anchor = _anchor(np.where(episodes.has_factors[own.episode], episodes.factors[own.episode] @ episodes.factors[row], 0.0), own)
            text = "liked by listeners with a taste like yours" if anchor is None else f'people who liked "{_title(anchor, own, episodes)}" also liked this'
        elif kind == "similar":
            anchor = _anchor(np.where(episodes.neighbours[own.episode] == row, episodes.similarity[own.episode], 0.0).max(axis=1, initial=0.0), own)
            text = "like what you listened to" if anchor is None else f'because you {_deed(anchor, own)} "{_title(anchor, own, episodes)}"'
        elif kind == "popular":
            text = "popular this week" if settings.popular_days == 7 else f"popular in the last {settings.popular_days} days"
        else:
            text = f"new from {episodes.show_titles[episodes.show[row]]}"
        episode_id = None if anchor is None else episodes.episode_ids[own.episode[anchor]]
        yield {"kind": kind, "text": text, "episode_id": episode_id, "weight": float(parts[source] / parts.sum())}


def _anchor(closeness: Floats, own: _History) -> int | None:
    """Place in the history of the episode that speaks most for the entry, None where none does."""
    voices = closeness * own.taste * (own.taste > 0)
    return int(np.argmax(voices)) if len(voices) and voices.max() > 0 else None


def _deed(anchor: int, own: _History) -> str:
    return "liked" if own.liked[anchor] else "finished" if own.finished[anchor] else "listened to"


def _title(anchor: int, own: _History, episodes: Catalogue) -> str:
    return episodes.titles[int(own.episode[anchor])]


def _top(values: Floats, count: int) -> Ints:
    """Rows of the `count` largest values above 0, largest first, equal ones in order of ids."""
    rows = np.flatnonzero(values > 0)
    return np.asarray(rows[np.argsort(-values[rows], kind="stable")][:count])


def _most_popular(heat: Floats, share: float) -> Floats:
    engaged = np.sort(heat[heat > 0])
    if not len(engaged):
        return heat
    return np.where(heat >= engaged[-max(1, round(share * len(engaged)))], heat, 0.0)


def _neighbours(similarities: pa.Table, ids: pa.ChunkedArray) -> tuple[Ints, Floats]:
    episode, similar = (pc.fill_null(pc.index_in(similarities[name], value_set=ids), -1).to_numpy() for name in ("episode_id", "similar_episode_id"))
    rank, score = similarities["rank"].to_numpy(), similarities["score"].to_numpy()
    known = (episode >= 0) & (similar >= 0) & (score > 0)
    episode, similar, rank, score = episode[known], similar[known], rank[known], score[known]
    order = np.lexsort((rank, episode))
    first = np.searchsorted(episode[order], np.arange(len(ids)))
    place = np.arange(len(order)) - first[episode[order]] if len(order) else order
    width = int(place.max(initial=-1)) + 1
    neighbours = np.full((len(ids), width), -1, dtype=np.int32)
    similarity = np.zeros((len(ids), width), dtype=np.float64)
    neighbours[episode[order], place] = similar[order]
    similarity[episode[order], place] = score[order]
    return neighbours, similarity


def _rows(table: pa.Table, ids: pa.ChunkedArray) -> Ints:
    return np.asarray(pc.fill_null(pc.index_in(table["episode_id"], value_set=ids), -1).to_numpy())


def _matrix(vectors: pa.ChunkedArray) -> Floats:
    if not len(vectors):
        return np.zeros((0, 0), dtype=np.float32)
    flat = pc.list_flatten(vectors.combine_chunks())
    return np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.float32).reshape(len(vectors), -1)
