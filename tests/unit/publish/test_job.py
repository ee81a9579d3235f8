"""What is published, when, and in which order."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from jobs.publish import job
from jobs.publish.settings import PublishSettings
from jobs.shared import tables
from jobs.shared.documents import DEFAULT_USER, FINAL_RECOMMENDATIONS, PUBLICATIONS, SIMILAR_EPISODES, Collection
from jobs.shared.entry import Report
from jobs.shared.models import Model
from jobs.shared.settings import LakeSettings, MongoSettings
from jobs.shared.storage.memory import MemoryLake, MemoryStore
from tests.support.promoted import MADE_AT, promote, stock

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = PublishSettings(lake=LakeSettings(uri="unused"), mongo=MongoSettings(uri="mongodb://unused"), similar=3)


class RecordingStore(MemoryStore):
    """Remembers the order of the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def put(self, collection: Collection, documents: Iterable[Model]) -> int:
        self.writes.append(f"put {collection.name}")
        return super().put(collection, documents)

    def retire(self, collection: Collection, edition: str) -> int:
        self.writes.append(f"retire {collection.name}")
        return super().retire(collection, edition)


@pytest.fixture
def lake() -> MemoryLake:
    lake = MemoryLake()
    stock(lake)
    promote(lake)
    return lake


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


def publish(lake: MemoryLake, store: RecordingStore) -> Report:
    return job.run(lake, store, SETTINGS, NOW)


def test_lists_arrive_ranked_with_titles_reasons_and_the_time_they_were_made(lake: MemoryLake, store: RecordingStore) -> None:
    report = publish(lake, store)
    assert report.details["documents"] == {"final_recommendations": 13, "similar_episodes": 20}
    document = store.get(FINAL_RECOMMENDATIONS, "u000")
    assert document.generation == "g1"
    assert document.generated_at == MADE_AT.replace(microsecond=123_000)
    assert [(entry.recommended_episode_id, entry.score, entry.title, entry.podcast) for entry in document.recommendations] == [
        ("e02", 0.9, "Episode 2", "Show 0"),
        ("e03", 0.8, "Episode 3", "Show 1"),
        ("e04", 0.7, "Episode 4", "Show 0"),
    ]
    assert document.recommendations[0].reasons[0].text == "popular this week (g1)"
    assert store.get(FINAL_RECOMMENDATIONS, DEFAULT_USER) is not None
    assert [entry.similar_episode_id for entry in store.get(SIMILAR_EPISODES, "e00").similar] == ["e02", "e04", "e06"]


def test_old_documents_leave_after_all_new_ones_are_there_and_the_publication_comes_last(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    one, other = "final_recommendations", "similar_episodes"
    assert store.writes == [f"put {one}", f"retire {one}", "put publications", f"put {other}", f"retire {other}", "put publications"]


def test_what_is_published_already_is_left_alone(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    store.writes.clear()
    assert publish(lake, store).details == {"nothing_to_do": True}
    assert store.writes == []


def test_a_fetch_that_changes_no_title_publishes_nothing_and_a_new_title_everything(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    fetched = [{"podcast_id": "p0", "title": "Show 0", "last_fetched_at": NOW}]
    lake.upsert(tables.PODCASTS, pa.Table.from_pylist(fetched, schema=tables.PODCASTS.schema))
    assert publish(lake, store).written == 0
    renamed = [{"podcast_id": "p0", "title": "Show Nil"}]
    lake.upsert(tables.PODCASTS, pa.Table.from_pylist(renamed, schema=tables.PODCASTS.schema))
    assert publish(lake, store).written == 33
    assert store.get(FINAL_RECOMMENDATIONS, "u000").recommendations[0].podcast == "Show Nil"


def test_a_newer_generation_replaces_the_lists_alone_and_listeners_who_left_are_retired(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    promote(lake, "g2", users=5, first=7)
    assert publish(lake, store).details["documents"] == {"final_recommendations": 6}
    assert store.keys(FINAL_RECOMMENDATIONS, 100) == ["*", *(f"u{i:03}" for i in range(5))]
    assert store.get(PUBLICATIONS, "final_recommendations").generation == "g2"


def test_lists_made_again_for_the_same_generation_are_published_again(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    promote(lake, "g1", first=9, made_at=MADE_AT + timedelta(seconds=1))
    publish(lake, store)
    assert store.get(FINAL_RECOMMENDATIONS, "u000").recommendations[0].recommended_episode_id == "e11"


def test_a_refused_generation_leaves_the_old_one_live_and_untouched(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    promote(lake, "g2", verdict="refused", first=7)
    assert publish(lake, store).written == 0
    assert store.get(FINAL_RECOMMENDATIONS, "u000").generation == "g1"


def test_an_untested_generation_goes_live(lake: MemoryLake, store: RecordingStore) -> None:
    promote(lake, "g2", verdict="promoted-untested")
    publish(lake, store)
    assert store.get(FINAL_RECOMMENDATIONS, "u000").generation == "g2"


def test_a_promoted_generation_whose_lists_are_gone_empties_nothing(lake: MemoryLake, store: RecordingStore) -> None:
    publish(lake, store)
    lake.delete(tables.RECOMMENDATIONS, [("generation", "=", "g1")])
    assert publish(lake, store).written == 0
    assert len(store.keys(FINAL_RECOMMENDATIONS, 100)) == 13


def test_an_entry_of_an_unknown_episode_is_left_out_and_counted(lake: MemoryLake, store: RecordingStore) -> None:
    lake.delete(tables.EPISODES, [("episode_id", "=", "e03")])
    report = publish(lake, store)
    assert [entry.recommended_episode_id for entry in store.get(FINAL_RECOMMENDATIONS, "u000").recommendations] == ["e02", "e04"]
    assert report.details["unknown_episodes"] == 1
    assert report.failed > 1


def test_similar_episodes_are_published_before_there_is_any_generation(store: RecordingStore) -> None:
    lake = MemoryLake()
    stock(lake)
    assert publish(lake, store).details["documents"] == {"similar_episodes": 20}
    assert store.keys(FINAL_RECOMMENDATIONS, 1) == []
