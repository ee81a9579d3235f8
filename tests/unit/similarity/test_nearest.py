"""Neighbours by blocked products equal those by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.similarity import core


def unit(rng: np.random.Generator, rows: int, width: int) -> core.Vectors:
    vectors = rng.standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(vectors: core.Vectors, row: int, columns: core.Positions, count: int) -> list[int]:
    scores = {int(other): float((vectors[other] * vectors[row]).sum(dtype=np.float64)) for other in columns if other != row}
    near = [other for other, score in scores.items() if score >= core.LEAST_SCORE]
    return sorted(near, key=lambda other: (-min(scores[other], 1.0), other))[:count]


def lists(found: core.Neighbours) -> list[list[int]]:
    return [[int(other) for other in row if other != core.NOBODY] for row in found.positions]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 400), copies=st.integers(0, 60), count=st.integers(1, 25))
def test_the_neighbours_are_those_of_brute_force_also_among_equal_vectors(seed: int, rows: int, copies: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng, rows, 8)
    # Repeated episodes: whole runs of equal scores, longer than a list.
    vectors[rng.integers(0, rows, copies)] = vectors[rng.integers(0, rows)]
    columns = np.sort(rng.permutation(rows)[: rng.integers(1, rows + 1)])
    asked = np.sort(rng.permutation(rows)[:30])
    found = core.nearest(vectors, asked, columns, count)
    assert lists(found) == [brute_force(vectors, int(row), columns, count) for row in asked]
    assert ((found.scores > 0) == (found.positions != core.NOBODY)).all()


def test_selection_over_many_blocks_finds_planted_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "COLUMN_BLOCK", 1500)
    vectors = unit(np.random.default_rng(1), 4000, 16)
    everyone = np.arange(4000)
    found = core.nearest(vectors, everyone[::97], everyone, 20)
    assert lists(found) == [brute_force(vectors, int(row), everyone, 20) for row in everyone[::97]]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), rows=st.integers(2, 300), count=st.integers(1, 20))
def test_lists_that_take_in_new_episodes_equal_a_full_run_to_the_last_bit(seed: int, rows: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng, rows, 12)
    is_new = rng.random(rows) < rng.random()
    old, new, everyone = np.flatnonzero(~is_new), np.flatnonzero(is_new), np.arange(rows)
    grown = core.merged(core.nearest(vectors, old, old, count), core.nearest(vectors, old, new, count), count)
    full = core.nearest(vectors, everyone, everyone, count)
    assert (grown.positions == full.positions[old]).all()
    assert (grown.scores == full.scores[old]).all()


def test_scores_are_the_weighted_mean_of_both_cosines() -> None:
    rng = np.random.default_rng(2)
    meaning, words = unit(rng, 5, 6), unit(rng, 5, 9)
    for weight in (0.0, 0.25, 1.0):
        products = core.mixed(3 * meaning, 7 * words, weight)
        assert products @ products.T == pytest.approx((1 - weight) * meaning @ meaning.T + weight * words @ words.T, abs=1e-6)


def test_texts_that_share_their_words_are_nearer_than_others() -> None:
    texts = ["the compiler inlines the function and the compiler vectorises", "a compiler that vectorises a function", "butter and flour for the cake"]
    words = np.array([core.lexical_vector(text, 4096) for text in texts])
    cosines = words @ words.T
    assert cosines[0, 1] > 0.5
    assert abs(cosines[0, 2]) < 0.1
    assert core.lexical_vector("the and of", 4096).tolist() == [0.0] * 4096
