"""Metrics against values computed by hand, and verdicts on planted scores."""

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.evaluate import core
from jobs.shared.generations import PROMOTED, REFUSED

TOLERANCE = {"max_ndcg_loss": 0.05, "max_coverage_loss": 0.3, "resamples": 500, "seed": 1}


@pytest.mark.parametrize(
    ("ranked", "relevant", "expected"),
    [
        (["a", "b", "c"], {"a"}, 1.0),
        (["x", "a", "y"], {"a"}, 1 / log2(3)),
        (["a", "x", "b"], {"a", "b"}, (1 + 1 / 2) / (1 + 1 / log2(3))),
        (["x", "y"], {"a"}, 0.0),
        ([], {"a"}, 0.0),
        ([*"qrstuvwxyz", "a"], {"a"}, 0.0),
        ([*"abcdefghij"], set("abcdefghijkl"), 1.0),
    ],
)
def test_ndcg_is_as_computed_by_hand(ranked: list[str], relevant: set[str], expected: float) -> None:
    assert core.ndcg(ranked, relevant) == pytest.approx(expected)


def test_recall_is_the_share_of_the_relevant_on_the_first_screen() -> None:
    assert core.recall(["a", "x", "b"], {"a", "b", "c", "d"}) == 0.5
    assert core.recall([*"qrstuvwxyz", "a"], {"a"}) == 0.0


def test_coverage_counts_candidates_on_any_first_screen_and_cold_recall_only_cold_ones() -> None:
    scores = core.scores({"u": ["a", "b"], "v": ["b", "elsewhere"]}, {"u": {"a", "n"}, "v": {"b"}}, cold={"n"}, candidates=set("abcdn"))
    assert scores.coverage == 2 / 5
    assert scores.cold_recall == 0.0
    assert scores.recall == pytest.approx((1 / 2 + 1) / 2)
    assert core.scores({"u": ["a"]}, {"u": {"a"}}, cold={"n"}, candidates={"a", "n"}).cold_recall is None


def test_a_listener_without_a_list_is_shown_everybodys_less_what_they_used_up() -> None:
    assert core.served({"*": ["a", "b"], "u": ["c", "d"]}, ["u", "v"], {"u": {"c"}, "v": {"a"}}) == {"u": ["d"], "v": ["b"]}


def test_the_popularity_baseline_leaves_out_what_was_used_up_and_breaks_ties_by_id() -> None:
    assert core.most_popular({"b": 5.0, "a": 5.0, "c": 9.0}, ["u", "v"], {"u": {"c"}}) == {"u": ["a", "b"], "v": ["c", "a", "b"]}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_interval_holds_the_mean_of_what_it_was_drawn_from(values: list[float]) -> None:
    low, high = core.interval(values, 400, 3)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert core.interval(values, 400, 3) == (low, high)


def scores(*ndcg: float, coverage: float = 0.5) -> core.Scores:
    return core.Scores(ndcg=ndcg, recall=0.5, cold_recall=None, coverage=coverage)


GOOD = scores(*[0.6, 0.5, 0.7, 0.55] * 5)
SLIGHTLY_LESS = scores(*[0.59, 0.49, 0.69, 0.54] * 5)
POOR = scores(*[0.3, 0.2, 0.4, 0.25] * 5)
NOISY = scores(*[1.0, 0.0, 0.9, 0.0] * 5)


@pytest.mark.parametrize(
    ("new", "popularity", "live", "verdict", "reason"),
    [
        (GOOD, POOR, None, PROMOTED, "first generation"),
        (GOOD, POOR, POOR, PROMOTED, "not clearly worse"),
        (POOR, POOR, GOOD, REFUSED, "below the live generation"),
        (SLIGHTLY_LESS, POOR, GOOD, PROMOTED, "not clearly worse"),
        (NOISY, POOR, GOOD, PROMOTED, "not clearly worse"),
        (POOR, GOOD, None, PROMOTED, "below popularity"),
        (POOR, GOOD, POOR, PROMOTED, "not clearly worse"),
        (scores(*[0.295, 0.195, 0.395, 0.245] * 5), GOOD, POOR, REFUSED, "below popularity"),
        (scores(*GOOD.ndcg, coverage=0.3), POOR, GOOD, REFUSED, "coverage"),
        (scores(*GOOD.ndcg, coverage=0.4), POOR, GOOD, PROMOTED, "not clearly worse"),
    ],
)
def test_only_what_is_clearly_worse_is_refused(new: core.Scores, popularity: core.Scores, live: core.Scores | None, verdict: str, reason: str) -> None:
    found = core.judge(new, popularity, live, **TOLERANCE)
    assert found.name == verdict
    assert reason in found.reason
