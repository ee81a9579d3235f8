"""Rows in; numbers, sentences and charts out."""

import ast
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views import live, pipeline, producers, search, text
from jobs.shared import tables
from tests.support import planted_lake as story

ROOT = Path(__file__).resolve().parents[2]


class TestText:
    def test_hostile_text_loses_its_markup_and_keeps_its_letters(self) -> None:
        shown = text.inert(story.HOSTILE)
        for live_markup in ("<img", "[click](", "![", "**bold", " `code", "$x", "www.", ":material", "http://"):
            assert not re.search(r"(?<!\\)" + re.escape(live_markup), shown), live_markup
        assert shown.replace("\\", "").replace(text.ZERO_WIDTH, "") == story.HOSTILE

    @given(st.text(st.characters(exclude_categories=["C"])))
    def test_every_character_of_markdown_is_escaped(self, given_text: str) -> None:
        shown = text.inert(given_text)
        bare = [sign for sign, before in zip(shown, " " + shown, strict=False) if sign in "`*_{}[]<>$~|!" and before != "\\"]
        assert bare == []

    def test_line_breaks_cannot_start_a_list_or_a_heading(self) -> None:
        assert "\n" not in text.inert("a\n# b\n\n- c")
        assert text.inert("# b") == "\\# b"

    def test_found_words_are_highlighted_and_the_rest_stays_inert(self) -> None:
        assert text.marked("Bake *bread*, baker!", ["bake"]) == ":orange-background[Bake] \\*bread\\*, :orange-background[baker]\\!"

    @pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//host/x", "http://", "", "http://[broken"])
    def test_only_web_addresses_are_linked(self, url: str) -> None:
        assert text.web_address(url) is None

    def test_web_addresses_are_kept(self) -> None:
        assert text.web_address(" https://a.example/x.mp3?y=1 ") == "https://a.example/x.mp3?y=1"

    @pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (75.9, "1:15"), (3600, "1:00:00"), (-2, "0:00")])
    def test_positions_read_like_a_clock(self, seconds: float, shown: str) -> None:
        assert text.clock(seconds) == shown

    def test_ages_are_told_in_their_largest_unit(self) -> None:
        now = datetime(2026, 11, 1, tzinfo=UTC)
        ages = [text.age(now - timedelta(seconds=seconds), now) for seconds in (5, 61, 7300, 86_400 * 3)]
        assert ages == ["just now", "1 minute ago", "2 hours ago", "3 days ago"]

    def test_no_page_hands_html_to_the_browser(self) -> None:
        for path in (ROOT / "dashboard").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    assert "unsafe_allow_html" not in [keyword.arg for keyword in node.keywords], path
                    assert not (isinstance(node.func, ast.Attribute) and node.func.attr == "html"), path


class TestLive:
    @pytest.mark.parametrize("minutes", list(live.WINDOWS.values()))
    def test_every_window_has_a_readable_number_of_bins(self, minutes: int) -> None:
        assert 5 <= minutes / live.bin_minutes(minutes) <= live.MOST_BINS

    def test_bins_have_names(self) -> None:
        assert [live.bin_name(minutes) for minutes in (1, 10, 60, 180, 1440)] == ["minute", "10 minutes", "hour", "3 hours", "day"]


def stops(*counts: tuple[int, int]) -> pa.Table:
    """Buckets of 15 s with (events, listeners)."""
    rows = [{"width_s": 15, "kind": "pause", "start_s": 15 * place, "events": events, "listeners": heads} for place, (events, heads) in enumerate(counts)]
    return pa.Table.from_pylist(rows)


class TestProducers:
    def test_a_bucket_with_many_events_of_few_listeners_is_left_out(self) -> None:
        kept = producers.suppress(stops((40, 4), (5, 5), (9, 9)), 5)
        assert kept.rows["listeners"].tolist() == [5, 9]
        assert kept.left_out == 1

    def test_the_words_of_a_bucket_are_those_said_in_it(self) -> None:
        segments = pa.Table.from_pylist(story.segments("e1"))
        kept = producers.stops_at(stops((9, 9)), 15, 5, segments)
        assert kept.rows["words"][0] == f"{story.SENTENCES['bread'][0]} {story.SENTENCES['bread'][1]}"
        assert producers.words(segments, 0, 600, limit=40).endswith("…")

    def test_the_automatic_width_is_the_finest_with_most_buckets_visible(self) -> None:
        fine = {"kind": "pause", "start_s": 0, "events": 1}
        rows = [fine | {"width_s": 15, "listeners": 1}, fine | {"width_s": 30, "listeners": 6}, fine | {"width_s": 60, "listeners": 6}]
        assert producers.finest_width(pa.Table.from_pylist(rows), 5) == 30
        assert producers.finest_width(pa.Table.from_pylist(rows[:1]), 5) == producers.WIDTHS_S[-1]

    def test_an_episode_with_few_listeners_is_left_out_and_one_with_none_is_not(self) -> None:
        kept = producers.episodes(episode_rows((4, 4), (0, 0), (8, 8)), 5)
        assert kept.rows["listeners"].tolist() == [0, 8]
        assert kept.left_out == 1

    def test_a_completion_that_tells_of_a_few_is_hidden(self) -> None:
        # 1 of 8 finished; 7 of 8 did, so one did not; 8 of 8; 5 of 10.
        kept = producers.episodes(episode_rows((8, 1), (8, 7), (8, 8), (10, 5)), 5)
        assert kept.rows["completion"].isna().tolist() == [True, True, False, False]
        assert kept.rows["completion"].tolist()[2:] == [100.0, 50.0]

    @given(st.lists(st.integers(0, 40), min_size=1, max_size=21))
    def test_no_two_points_of_the_reach_curve_differ_by_a_few_listeners(self, counts: list[int]) -> None:
        falling = sorted(counts, reverse=True)
        rows = pa.Table.from_pylist([{"share": place / 20, "listeners": heads} for place, heads in enumerate(falling)])
        shown = producers.reach(rows, 5).rows["listeners"].tolist()
        assert all(heads >= 5 for heads in shown)
        assert all(before == after or before - after >= 5 for before, after in pairwise(shown))

    def test_audience_shared_by_few_is_left_out(self) -> None:
        rows = pa.Table.from_pylist([{"title": "a", "shared": 5, "listeners": 9}, {"title": "b", "shared": 4, "listeners": 9}])
        kept = producers.audience(rows, 10, 5)
        assert kept.rows[["title", "share"]].to_dict("records") == [{"title": "a", "share": 50.0}]
        assert kept.left_out == 1


def episode_rows(*heard: tuple[int, int]) -> pa.Table:
    """Episodes with (listeners, completed)."""
    return pa.Table.from_pylist(
        [
            {"episode_id": str(place), "listeners": heads, "completed": done, "listened_s": 60.0 * heads, "duration_s": 60.0, "rating": None, "ratings": 0}
            for place, (heads, done) in enumerate(heard)
        ],
        schema=pa.schema(
            [
                ("episode_id", pa.string()),
                ("listeners", pa.int64()),
                ("completed", pa.int64()),
                ("listened_s", pa.float64()),
                ("duration_s", pa.float64()),
                ("rating", pa.float64()),
                ("ratings", pa.int64()),
            ]
        ),
    )


class TestSearch:
    def test_fillers_are_only_searched_for_where_there_is_nothing_else(self) -> None:
        assert search.terms("What is the Crumb of a crumb?") == ["crumb"]
        assert search.terms("to be or not") == ["not"]
        assert search.terms("the who") == ["the", "who"]

    def test_a_passage_in_both_rankings_comes_before_one_at_the_top_of_one(self) -> None:
        assert search.fuse([[("a", 1), ("b", 1)], [("c", 1), ("b", 1)]], 10)[0] == ("b", 1)

    def test_one_episode_does_not_fill_the_results(self) -> None:
        found = search.fuse([[("a", place) for place in range(9)], [("b", 1)]], 10)
        assert sum(episode == "a" for episode, _ in found) == search.AN_EPISODE
        assert ("b", 1) in found

    def test_ties_break_by_key(self) -> None:
        assert search.fuse([[("b", 2)], [("a", 1)], [("b", 1)]], 3) == [("a", 1), ("b", 1), ("b", 2)]

    def test_a_hit_lands_on_the_sentence_with_the_words(self) -> None:
        hit = search.hit(passage(), ["cinnamon", "jar"], None)
        assert (hit.start_s, hit.sentence, hit.found_by) == (story.SECRET_S, story.SECRET, "words")
        assert hit.before
        assert hit.after

    def test_without_words_it_lands_on_the_sentence_nearest_in_meaning(self) -> None:
        nearest = search.hit(passage(), ["spice"], lambda texts: np.array([sentence == story.SECRET for sentence in texts], dtype=np.float32))
        assert (nearest.start_s, nearest.found_by) == (story.SECRET_S, "meaning")

    def test_a_passage_without_timed_sentences_lands_on_its_beginning(self) -> None:
        hit = search.hit(passage() | {"sentences": None}, ["cinnamon"], None)
        assert hit.start_s == 420.0


def passage() -> dict[str, object]:
    said = [segment for segment in story.segments("e6") if 420 <= segment["start_s"] < 480]
    return {
        "episode_id": "e6",
        "title": "t",
        "podcast": "p",
        "audio_url": "",
        "start_s": 420.0,
        "text": " ".join(segment["text"] for segment in said),
        "sentences": said,
    }


class TestPipeline:
    def test_the_live_generation_is_marked_and_refused_ones_are_told_apart(self) -> None:
        known = pipeline.generations(story.evaluations(story.NOW), story.LIVE)
        assert known[["generation", "live", "verdict"]].to_dict("records") == [
            {"generation": story.REFUSED, "live": False, "verdict": "refused"},
            {"generation": story.LIVE, "live": True, "verdict": "promoted"},
        ]
        assert pipeline.refused(known)["generation"].tolist() == [story.REFUSED]

    def test_counts_and_bounds_are_told_in_words_and_are_no_scores(self) -> None:
        rows = story.evaluations(story.NOW)
        assert sorted(pipeline.comparison(rows, story.LIVE)["metric"]) == ["coverage@10", "ndcg@10", "recall@10"]
        said = pipeline.certainty(rows, story.LIVE)
        assert said == "Measured on 12 listeners, on events from 2026-10-28 on, ndcg@10 lies between 0.3000 and 0.3400 (95 %)"

    def test_a_generation_that_went_live_untested_is_not_refused(self) -> None:
        row = {"generation": "g", "metric": "users", "value": 0.0, "verdict": "promoted-untested", "reason": "first"}
        rows = story.rows(tables.EVALUATIONS, [row])
        assert pipeline.refused(pipeline.generations(rows, None)).empty
        assert pipeline.comparison(rows, "g").empty

    def test_the_lift_is_over_popularity_and_missing_where_popularity_scores_nothing(self) -> None:
        rows = pa.Table.from_pylist(
            [{"generation": "g", "metric": metric, "value": 0.3, "baseline": base, "live": None} for metric, base in (("a", 0.2), ("b", 0.0))]
        )
        compared = pipeline.comparison(rows, "g")
        assert compared["lift"][0] == pytest.approx(50.0)
        assert np.isnan(compared["lift"][1])
