"""What the pages ask, on real Delta tables with planted answers."""

import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from dashboard.queries import listeners, live, pipeline, producers, search
from dashboard.queries.lake import Lake, MissingTable
from jobs.shared import tables
from jobs.shared.errors import SettingsError, StorageError
from jobs.shared.settings import LakeSettings, S3Settings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.memory import MemoryEncoder, MemoryStore
from tests.support import planted_lake as story

ALL_DAYS = 0


def column(rows: pa.Table, key: str, value: str) -> dict[object, object]:
    return dict(zip(rows[key].to_pylist(), rows[value].to_pylist(), strict=True))


class TestLake:
    def test_a_table_never_written_is_missing_and_no_outage(self, empty: Lake) -> None:
        with pytest.raises(MissingTable) as missing:
            producers.shows(empty)
        assert missing.value.table is tables.EPISODES

    def test_a_table_that_may_be_missing_reads_as_empty_in_its_types(self, empty: Lake) -> None:
        for table in tables.ALL:
            rows = empty.query("SELECT * FROM " + table.name, may_use=(table,))  # noqa: S608  # declared names
            assert rows.num_rows == 0
            assert rows.schema.names == table.columns

    def test_a_table_written_later_is_seen_by_the_same_lake(self, tmp_path: Path) -> None:
        settings = LakeSettings(uri=str(tmp_path / "lake"))
        lake = Lake(settings)
        with pytest.raises(MissingTable):
            producers.shows(lake)
        DeltaLake(settings).upsert(tables.EPISODES, story.episodes(story.NOW))
        assert producers.shows(lake).num_rows == 3
        more = story.episodes(story.NOW).slice(0, 1).to_pylist()[0] | {"episode_id": "e9"}
        DeltaLake(settings).upsert(tables.EPISODES, story.rows(tables.EPISODES, [more]))
        assert sum(producers.shows(lake)["episodes"].to_pylist()) == 9

    def test_a_table_removed_while_the_dashboard_runs_is_missing_again(self, tmp_path: Path) -> None:
        settings = LakeSettings(uri=str(tmp_path / "lake"))
        DeltaLake(settings).upsert(tables.EPISODES, story.episodes(story.NOW))
        lake = Lake(settings)
        producers.shows(lake)
        shutil.rmtree(tmp_path / "lake")
        with pytest.raises(MissingTable):
            producers.shows(lake)

    def test_a_lake_that_is_no_folder_is_an_outage_that_names_it(self, tmp_path: Path) -> None:
        (tmp_path / "lake").write_text("not a folder")
        with pytest.raises(StorageError, match=str(tmp_path / "lake")):
            producers.shows(Lake(LakeSettings(uri=str(tmp_path / "lake"))))

    def test_a_broken_log_is_an_outage_and_not_an_empty_table(self, tmp_path: Path) -> None:
        settings = LakeSettings(uri=str(tmp_path / "lake"))
        DeltaLake(settings).upsert(tables.EPISODES, story.episodes(story.NOW))
        for commit in (tmp_path / "lake" / "episodes" / "_delta_log").glob("*.json"):
            commit.write_text("{broken")
        with pytest.raises(StorageError, match="episodes"):
            producers.shows(Lake(settings))

    def test_a_missing_data_file_is_an_outage(self, tmp_path: Path) -> None:
        settings = LakeSettings(uri=str(tmp_path / "lake"))
        DeltaLake(settings).upsert(tables.EPISODES, story.episodes(story.NOW))
        for part in (tmp_path / "lake" / "episodes").glob("*.parquet"):
            part.unlink()
        with pytest.raises(StorageError, match="cannot query the lake"):
            producers.shows(Lake(settings))

    def test_an_object_store_that_does_not_answer_is_an_outage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "it's")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
        settings = LakeSettings(uri="s3://earshot/lake", s3=S3Settings(endpoint_url="http://127.0.0.1:1"))
        with pytest.raises(StorageError, match=r"s3://earshot/lake/episodes"):
            producers.shows(Lake(settings))

    def test_an_object_store_without_keys_is_misconfigured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
        with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID"):
            Lake(LakeSettings(uri="s3://earshot/lake", s3=S3Settings(endpoint_url="http://127.0.0.1:1")))


class TestLive:
    def test_the_window_ends_with_the_newest_event_and_opens_only_the_files_it_needs(self, lake: Lake) -> None:
        seen = live.window(lake, 60)
        assert seen.newest_min == int(story.NOW.timestamp() // 60)
        assert len(live.window(lake, 43_200).files) > len(seen.files) == 1

    def test_an_hour_holds_the_planted_numbers(self, lake: Lake) -> None:
        assert live.totals(lake, live.window(lake, 60)) == {"events": 53, "listeners": 12, "plays": 18, "heard": 12, "completed": 7}

    def test_a_month_holds_every_event(self, lake: Lake) -> None:
        every = list(story.acts())
        assert live.totals(lake, live.window(lake, 43_200))["events"] == len(every)
        by_kind = live.by_kind(lake, live.window(lake, 43_200), 1440)
        assert sum(by_kind["events"].to_pylist()) == len(every)
        assert all(start % 1440 == 0 for start in by_kind["bin_min"].to_pylist())

    def test_five_minutes_hold_what_happened_after_their_first_second(self, lake: Lake) -> None:
        seen = live.window(lake, 5)
        first = int(story.NOW.timestamp() // 60) - 5
        expected = sum(act.ts.timestamp() // 60 > first for act in story.acts())
        assert live.totals(lake, seen)["events"] == expected > 0

    def test_a_window_across_files_holds_its_minutes_and_no_other(self, tmp_path: Path) -> None:
        settings = LakeSettings(uri=str(tmp_path / "lake"))
        for minute in range(8):
            act = story.Act(f"u{minute}", "e1", "play", 0.0, story.NOW + timedelta(minutes=minute))
            DeltaLake(settings).upsert(tables.USER_EVENTS, story.user_events([act]))
        lake = Lake(settings)
        for minutes in (1, 3, 8):
            seen = live.window(lake, minutes)
            assert (len(seen.files), live.totals(lake, seen)["events"]) == (minutes, minutes)

    def test_skips_and_low_ratings_count_against_an_episode(self, lake: Lake) -> None:
        top = live.top_by_engagement(lake, live.window(lake, 60), 10)
        # e1: 6 x (2 plays + complete 3 + five stars 4) - 4 skips x 2; e4: 6 plays - 5 skips x 2 + complete 3 - 6 x 2 for two stars + like 4.
        assert column(top, "title", "engagement") == {"Starters, with Ada": 46.0, "Rockets that land, with Di": -9.0}

    def test_one_five_star_vote_does_not_beat_six(self, lake: Lake) -> None:
        top = live.top_by_rating(lake, live.window(lake, 1440), 10, prior=5.0)
        mean = (6 * 5 + 6 * 2 + 5) / 13
        assert top["episode_id"].to_pylist() == ["e1", "e7", "e4"]
        assert top["bayesian"].to_pylist() == pytest.approx([(5 * mean + 30) / 11, (5 * mean + 5) / 6, (5 * mean + 12) / 11])

    def test_no_event_yet_is_nothing_yet(self, empty: Lake, tmp_path: Path) -> None:
        with pytest.raises(MissingTable):
            live.window(empty, 60)
        DeltaLake(LakeSettings(uri=empty.uri)).create(tables.USER_EVENTS)
        with pytest.raises(MissingTable):
            live.window(empty, 60)

    def test_events_of_unknown_episodes_are_shown_by_id(self, tmp_path: Path) -> None:
        settings = LakeSettings(uri=str(tmp_path / "lake"))
        DeltaLake(settings).upsert(tables.USER_EVENTS, story.user_events(list(story.acts())))
        lake = Lake(settings)
        assert live.top_by_engagement(lake, live.window(lake, 60), 10)["title"].to_pylist() == ["e1", "e4"]


class TestProducers:
    def test_a_show_has_its_planted_numbers(self, lake: Lake) -> None:
        rows = {row["episode_id"]: row for row in producers.episodes(lake, story.BREAD, ALL_DAYS).to_pylist()}
        assert set(rows) == {"e1", "e2", "e3"}
        assert {key: rows["e1"][key] for key in ("plays", "listeners", "completed", "listened_s", "rating", "ratings")} == {
            "plays": 12,
            "listeners": 6,
            "completed": 6,
            "listened_s": 6 * story.DURATION_S,
            "rating": 5.0,
            "ratings": 6,
        }
        assert producers.listeners(lake, story.BREAD, ALL_DAYS) == 6

    def test_the_period_leaves_older_days_out_and_keeps_unheard_episodes(self, lake: Lake) -> None:
        rows = column(producers.episodes(lake, story.BREAD, live.newest_day(lake)), "episode_id", "listeners")
        assert rows == {"e1": 6, "e2": 0, "e3": 0}

    def test_stops_are_counted_by_bucket_and_by_unique_listener(self, lake: Lake) -> None:
        found = producers.stops(lake, "e1", ALL_DAYS, (15, 60)).to_pylist()
        assert found == [
            {"width_s": 15, "kind": "pause", "start_s": 90, "events": 6, "listeners": 6},
            {"width_s": 15, "kind": "skip", "start_s": 300, "events": 4, "listeners": 4},
            {"width_s": 60, "kind": "pause", "start_s": 60, "events": 6, "listeners": 6},
            {"width_s": 60, "kind": "skip", "start_s": 300, "events": 4, "listeners": 4},
        ]

    def test_reach_falls_where_listeners_leave(self, lake: Lake) -> None:
        curve = producers.reach(lake, "e4", ALL_DAYS, story.DURATION_S).to_pylist()
        reached = {round(row["share"], 2): row["listeners"] for row in curve}
        assert (reached[0.0], reached[0.3], reached[0.35], reached[1.0]) == (6, 6, 1, 1)

    def test_shows_share_an_audience_by_unique_listeners(self, lake: Lake) -> None:
        assert producers.shared_audience(lake, story.TEA, ALL_DAYS).to_pylist() == [
            {"title": "Flour Hour", "shared": 6, "listeners": 6},
            {"title": "Orbit Weekly", "shared": 1, "listeners": 6},
        ]


class TestSearch:
    def test_words_find_the_passage_that_holds_them(self, lake: Lake) -> None:
        best = search.by_words(lake, ["cinnamon", "jar"], 10).to_pylist()
        assert [(row["episode_id"], row["chunk_index"]) for row in best] == [("e6", int(story.SECRET_S // 60))]

    def test_rare_words_weigh_more_than_common_ones(self, lake: Lake) -> None:
        best = search.by_words(lake, ["the", "saddle"], 80).to_pylist()
        assert (best[0]["episode_id"], best[0]["chunk_index"]) == ("e6", 7)
        assert len(best) > 40

    def test_a_long_word_finds_its_longer_forms_and_a_short_one_only_itself(self, lake: Lake) -> None:
        assert search.by_words(lake, ["ferry"], 10).num_rows == 1
        assert search.by_words(lake, ["sad"], 10).num_rows == 0

    def test_words_are_text_whatever_they_hold(self, lake: Lake) -> None:
        assert search.by_words(lake, ["%", "'; DROP VIEW chunks", "\\"], 10).num_rows == 0

    def test_meaning_finds_the_nearest_passage_of_the_same_model(self, lake: Lake) -> None:
        encoder = MemoryEncoder()
        said = " ".join(segment["text"] for segment in story.segments("e6") if 420 <= segment["start_s"] < 480)
        vector = encoder.encode([said])[0].tolist()
        best = search.by_meaning(lake, vector, encoder.model, 5).to_pylist()
        assert (best[0]["episode_id"], best[0]["chunk_index"]) == ("e6", 7)
        assert search.by_meaning(lake, vector, "another", 5).num_rows == 0

    def test_a_passage_brings_its_titles_and_timed_sentences(self, lake: Lake) -> None:
        [found] = search.passages(lake, [("e6", 7)]).to_pylist()
        assert (found["title"], found["podcast"]) == ("Listening to stars, with Fay", "Orbit Weekly")
        assert {"start_s": story.SECRET_S, "text": story.SECRET} in found["sentences"]


class TestPipeline:
    def test_tables_are_counted_from_the_log(self, lake: Lake) -> None:
        states = {state.table.name: state for state in pipeline.states(lake)}
        assert states["user_events"].rows == len(list(story.acts()))
        assert states["user_events"].size_bytes > 0
        assert states["recommendations"].rows is None
        assert states["recommendations"].committed_at is None

    def test_failures_are_counted_by_reason(self, lake: Lake) -> None:
        attempts = pipeline.failed_attempts(lake).to_pylist()
        assert [(row["reason"], row["attempts"], row["episodes"], row["recovered"], row["example"]) for row in attempts] == [
            ("http-404", 2, 1, 0, "404 again"),
            ("not-audio", 2, 2, 1, "a page instead"),
        ]
        assert [(row["podcast"], row["reason"]) for row in pipeline.failed_feeds(lake).to_pylist()] == [("http://feeds.example/gone.xml", "http-404")]

    def test_what_is_published_comes_from_the_publications(self, documents: MemoryStore) -> None:
        assert [(found.collection, found.documents) for found in pipeline.publications(documents)] == [("final_recommendations", 2), ("similar_episodes", 1)]
        assert pipeline.publications(MemoryStore()) == []


class TestListeners:
    def test_a_known_listener_gets_their_own_list(self, documents: MemoryStore) -> None:
        served = listeners.served(documents, "u01")
        assert served is not None
        assert served.personal
        assert listeners.ids(documents) == ["u01"]

    def test_an_unknown_listener_gets_everybodys_list(self, documents: MemoryStore) -> None:
        served = listeners.served(documents, "nobody")
        assert served is not None
        assert not served.personal

    def test_nothing_published_is_none(self) -> None:
        assert listeners.served(MemoryStore(), "u01") is None
