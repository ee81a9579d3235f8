"""Passages by words and by meaning, down to the second."""

from collections.abc import Sequence

import pyarrow as pa

from dashboard.queries.lake import Lake
from jobs.shared.tables import CHUNKS, EPISODES, PODCASTS, TRANSCRIPTS

K1, B = 1.2, 0.75
"""BM25's usual constants: how soon repetition stops to count, and how much long passages are held back."""
PREFIX_LENGTH = 4
"""From this length on a word also finds its longer forms (bake: baker, baked)."""


def by_words(lake: Lake, terms: Sequence[str], limit: int) -> pa.Table:
    """episode_id, chunk_index, score (BM25, Robertson and Zaragoza 2009); best first, of passages that hold a term at all."""
    return lake.query(
        """WITH passages AS (
            SELECT episode_id, chunk_index, regexp_extract_all(lower(text), '[\\p{L}\\p{N}]+') AS words FROM chunks
        ), sized AS (
            SELECT episode_id, chunk_index, len(words) AS length,
                list_transform($terms, lambda term:
                    len(list_filter(words, lambda word: word = term OR (len(term) >= $prefix_length AND starts_with(word, term))))) AS counts
            FROM passages
        ), corpus AS (SELECT count(*) AS passages, avg(length) AS mean_length FROM sized),
        matches AS (SELECT episode_id, chunk_index, length, unnest($terms) AS term, unnest(counts) AS times FROM sized WHERE list_sum(counts) > 0),
        spread AS (SELECT term, count(*) FILTER (times > 0) AS holders FROM matches GROUP BY term)
        SELECT episode_id, chunk_index,
            sum(ln(1 + (passages - holders + 0.5) / (holders + 0.5)) * times * ($k1 + 1) / (times + $k1 * (1 - $b + $b * length / mean_length))) AS score
        FROM matches JOIN spread USING (term), corpus GROUP BY ALL ORDER BY score DESC, episode_id, chunk_index LIMIT $limit""",
        {"terms": list(terms), "limit": limit, "prefix_length": PREFIX_LENGTH, "k1": K1, "b": B},
        needs=(CHUNKS,),
    )


def by_meaning(lake: Lake, vector: Sequence[float], model: str, limit: int) -> pa.Table:
    """episode_id, chunk_index, score (cosine); nearest first, of passages that the same model encoded."""
    return lake.query(
        """SELECT episode_id, chunk_index, list_dot_product(vector, CAST($vector AS FLOAT[])) AS score
        FROM chunks WHERE model = $model AND len(vector) = len($vector) ORDER BY score DESC, episode_id, chunk_index LIMIT $limit""",
        {"vector": list(vector), "model": model, "limit": limit},
        needs=(CHUNKS,),
    )


def models(lake: Lake) -> list[str]:
    """Models that the passages were encoded with."""
    return [str(name) for name in lake.query("SELECT DISTINCT model FROM chunks ORDER BY model", needs=(CHUNKS,))["model"].to_pylist()]


def passages(lake: Lake, keys: Sequence[tuple[str, int]]) -> pa.Table:
    """episode_id, chunk_index, start_s, end_s, text, title, podcast, audio_url and the sentences (start_s, text) of each passage."""
    return lake.query(
        """WITH wanted AS (SELECT unnest($episodes) AS episode_id, CAST(unnest($indexes) AS INTEGER) AS chunk_index),
        found AS (SELECT chunks.episode_id, chunks.chunk_index, start_s, end_s, text FROM chunks JOIN wanted USING (episode_id, chunk_index)),
        said AS (
            SELECT episode_id, unnest(segments) AS segment FROM transcripts WHERE list_contains($episodes, episode_id)
        ), sentences AS (
            SELECT found.episode_id, chunk_index, list(struct_pack(start_s := segment.start_s, text := segment.text) ORDER BY segment.start_s) AS sentences
            FROM found JOIN said ON said.episode_id = found.episode_id AND segment.start_s >= found.start_s - 0.001 AND segment.start_s <= found.end_s
            GROUP BY ALL
        )
        SELECT found.*, coalesce(episodes.title, found.episode_id) AS title, coalesce(podcasts.title, '') AS podcast,
            coalesce(audio_url, '') AS audio_url, sentences
        FROM found LEFT JOIN sentences USING (episode_id, chunk_index) LEFT JOIN episodes USING (episode_id) LEFT JOIN podcasts USING (podcast_id)""",
        {"episodes": [episode for episode, _ in keys], "indexes": [index for _, index in keys]},
        needs=(CHUNKS,),
        may_use=(TRANSCRIPTS, EPISODES, PODCASTS),
    )
