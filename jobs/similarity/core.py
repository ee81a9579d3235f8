"""Exact nearest neighbours by blocked matrix products, over vectors of meaning and of words."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

Vectors = NDArray[np.float32]
Positions = NDArray[np.int64]
Scores = NDArray[np.float64]

WORD = re.compile(r"[^\W_]{2,}")
LEAST_SCORE = 1e-5
"""Below it two episodes have nothing in common; it also bounds the rounding of a float32 product of unit vectors."""
MARGIN = 4
"""Candidates kept beyond the wanted ones, so that rounding seldom leaves open which is the last of them."""
COLUMN_BLOCK = 8192
GROUP = 32
"""Neighbouring scores that selection looks at by their maximum first."""
NOBODY = -1


@dataclass(frozen=True)
class Neighbours:
    """For each row the positions of its nearest vectors, best first, and their scores; NOBODY and 0 where there are fewer."""

    positions: Positions
    scores: Scores


def lexical_vector(text: str, dimension: int) -> Vectors:
    """The text's words as a unit vector (zero without any): signed feature hashing of 1 + ln(count), English stop words left out.

    It depends on the text alone, not on other texts, so that a vector stays right whatever is added later.
    Feature hashing: Weinberger et al. 2009, dot products are unbiased with a standard error of about 1 / sqrt(dimension).
    """
    counts = Counter(word for word in WORD.findall(text.lower()) if word not in ENGLISH_STOP_WORDS)
    weights = {word: 1.0 + float(np.log(count)) for word, count in counts.items()}
    vector: Vectors = _unit(_hasher(dimension).transform([weights]).toarray())[0]
    return vector


def mixed(semantic: Vectors, lexical: Vectors, lexical_weight: float) -> Vectors:
    """Vectors whose dot product is the weighted mean of the two cosines."""
    if lexical_weight == 0.0:
        return _unit(semantic)
    if lexical_weight == 1.0:
        return _unit(lexical)
    parts = [np.float32(np.sqrt(1.0 - lexical_weight)) * _unit(semantic), np.float32(np.sqrt(lexical_weight)) * _unit(lexical)]
    return np.concatenate(parts, axis=1)


def nearest(vectors: Vectors, rows: Positions, columns: Positions, count: int) -> Neighbours:
    """The exact `count` nearest of `columns` for each of `rows` (positions in `vectors`, ascending), never the row itself.

    Scores are dot products, at most 1; below LEAST_SCORE nobody is near. Equal scores are ordered by position. A score depends
    on its two vectors alone, not on the blocks: candidates are chosen in float32 and scored again in float64.
    """
    keep = count + MARGIN
    queries = vectors[rows]
    positions = np.full((len(rows), keep), NOBODY, dtype=np.int64)
    approximate = np.full((len(rows), keep), -np.inf, dtype=np.float32)
    for begin in range(0, len(columns), COLUMN_BLOCK):
        block = columns[begin : begin + COLUMN_BLOCK]
        products = queries @ vectors[block].T
        _forbid_self(products, rows, block)
        chosen = _largest(products, keep)
        positions = np.concatenate([positions, block[chosen]], axis=1)
        approximate = np.concatenate([approximate, np.take_along_axis(products, chosen, axis=1)], axis=1)
        best = _largest(approximate, keep)
        positions = np.take_along_axis(positions, best, axis=1)
        approximate = np.take_along_axis(approximate, best, axis=1)
    positions[np.isneginf(approximate)] = NOBODY
    found = _ranked(positions, _scores(vectors, rows, positions), count)
    if len(columns) > keep:
        _settle(vectors, rows, columns, found, approximate.min(axis=1))
    return found


def merged(first: Neighbours, second: Neighbours, count: int) -> Neighbours:
    """The best of both; no position may be in both lists of a row."""
    return _ranked(
        np.concatenate([first.positions, second.positions], axis=1),
        np.concatenate([first.scores, second.scores], axis=1),
        count,
    )


def _settle(vectors: Vectors, rows: Positions, columns: Positions, found: Neighbours, weakest: Vectors) -> None:
    # Where the weakest candidate is as good as the last neighbour, up to rounding, others that were left out may be too.
    last = np.maximum(found.scores[:, -1], LEAST_SCORE)
    for row in np.flatnonzero(weakest > last - LEAST_SCORE):
        everyone = columns[columns != rows[row]][None, :]
        exact = _ranked(everyone, _scores(vectors, rows[row : row + 1], everyone), found.positions.shape[1])
        found.positions[row], found.scores[row] = exact.positions[0], exact.scores[0]


def _scores(vectors: Vectors, rows: Positions, positions: Positions) -> Scores:
    scores = np.empty(positions.shape, dtype=np.float64)
    for index, row in enumerate(rows):
        # The sum's order depends on the length alone, so that both directions and any block agree to the last bit.
        scores[index] = (vectors[positions[index]] * vectors[row]).sum(axis=1, dtype=np.float64)
    scores[positions == NOBODY] = 0.0
    return np.minimum(scores, 1.0)


def _ranked(positions: Positions, scores: Scores, count: int) -> Neighbours:
    scores = np.where(scores < LEAST_SCORE, 0.0, scores)
    positions = np.where(scores == 0.0, NOBODY, positions)
    short = count - positions.shape[1]
    if short > 0:
        positions = np.pad(positions, ((0, 0), (0, short)), constant_values=NOBODY)
        scores = np.pad(scores, ((0, 0), (0, short)))
    order = np.lexsort((positions, -scores), axis=1)[:, :count]
    return Neighbours(np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1))


def _largest(scores: Vectors, count: int) -> Positions:
    """Columns of the `count` largest scores of each row, in no order; all columns where there are no more."""
    width = scores.shape[1]
    if width <= count:
        return np.broadcast_to(np.arange(width), scores.shape)
    grouped = width // GROUP
    if grouped <= 2 * count:
        return np.argpartition(scores, width - count, axis=1)[:, width - count :]
    # The largest scores lie in the groups with the largest maxima, and a maximum costs a tenth of a partition.
    maxima = scores[:, : grouped * GROUP].reshape(len(scores), grouped, GROUP).max(axis=2)
    groups = np.argpartition(maxima, grouped - count, axis=1)[:, grouped - count :]
    inside = (groups[:, :, None] * GROUP + np.arange(GROUP)).reshape(len(scores), -1)
    rest = np.broadcast_to(np.arange(grouped * GROUP, width), (len(scores), width - grouped * GROUP))
    candidates = np.concatenate([inside, rest], axis=1)
    among = np.take_along_axis(scores, candidates, axis=1)
    chosen = np.argpartition(among, among.shape[1] - count, axis=1)[:, among.shape[1] - count :]
    return np.take_along_axis(candidates, chosen, axis=1)


def _forbid_self(products: Vectors, rows: Positions, block: Positions) -> None:
    at = np.searchsorted(block, rows)
    inside = np.flatnonzero((at < len(block)) & (block[np.minimum(at, len(block) - 1)] == rows))
    products[inside, at[inside]] = -np.inf


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.where(norms == 0.0, 1.0, norms)).astype(np.float32)
    return unit


@lru_cache(maxsize=4)
def _hasher(dimension: int) -> FeatureHasher:
    return FeatureHasher(n_features=dimension, dtype=np.float32)
