"""One suite for every document store: the fake, and the real wire protocol on the embedded server."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from demo.mongo import MongoServer
from jobs.shared.documents import (
    FINAL_RECOMMENDATIONS,
    FLAT_VIEW,
    PUBLICATIONS,
    SIMILAR_EPISODES,
    Publication,
    Reason,
    RecommendedEpisode,
    SimilarEpisodes,
    UserRecommendations,
)
from jobs.shared.errors import StorageError
from jobs.shared.ports import DocumentStore
from jobs.shared.settings import MongoSettings
from jobs.shared.storage.memory import MemoryStore
from jobs.shared.storage.mongo import MongoStore

NOW = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def mongo_store(mongo: MongoServer) -> Iterator[MongoStore]:
    with MongoStore(MongoSettings(uri=mongo.uri, database=f"contract-{uuid.uuid4().hex[:8]}")) as store:
        yield store


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.services)])
def store(request: pytest.FixtureRequest) -> DocumentStore:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("mongo_store")


def entry(episode_id: str, score: float = 0.5) -> RecommendedEpisode:
    reasons = (Reason(kind="similar", text='because you finished "B"', episode_id="b", weight=0.75), Reason(kind="fresh", text="new from S", weight=0.25))
    return RecommendedEpisode(recommended_episode_id=episode_id, score=score, reasons=reasons, title="T", podcast="S", audio_url="https://a.example/1.mp3")


def listener(user_id: str, edition: str = "e1", *episodes: str) -> UserRecommendations:
    entries = tuple(entry(name, 0.9 - 0.1 * place) for place, name in enumerate(episodes or ("a",)))
    return UserRecommendations(user_id=user_id, generation="g1", edition=edition, generated_at=NOW, recommendations=entries)


def test_a_document_comes_back_as_it_was_put(store: DocumentStore) -> None:
    store.prepare()
    assert store.put(FINAL_RECOMMENDATIONS, [listener("u1", "e1", "a", "b"), listener("u2")]) == 2
    assert store.get(FINAL_RECOMMENDATIONS, "u1") == listener("u1", "e1", "a", "b")
    publication = Publication(collection="final_recommendations", edition="e1", generation="g1", published_at=NOW, documents=2)
    store.put(PUBLICATIONS, [publication])
    assert store.get(PUBLICATIONS, "final_recommendations") == publication


def test_what_is_not_there_reads_as_none(store: DocumentStore) -> None:
    assert store.get(SIMILAR_EPISODES, "nowhere") is None
    assert store.keys(SIMILAR_EPISODES, 10) == []
    assert store.delete(SIMILAR_EPISODES, "nowhere") is False
    assert store.retire(SIMILAR_EPISODES, "e1") == 0


def test_put_replaces_a_document_as_a_whole(store: DocumentStore) -> None:
    store.put(FINAL_RECOMMENDATIONS, [listener("u1", "e1", "a", "b", "c")])
    store.put(FINAL_RECOMMENDATIONS, [listener("u1", "e2", "d")])
    assert store.get(FINAL_RECOMMENDATIONS, "u1") == listener("u1", "e2", "d")
    assert store.keys(FINAL_RECOMMENDATIONS, 10) == ["u1"]


def test_keys_are_sorted_and_bounded(store: DocumentStore) -> None:
    store.put(SIMILAR_EPISODES, [SimilarEpisodes(episode_id=name, edition="e1", similar=()) for name in ("c", "a", "b")])
    assert store.keys(SIMILAR_EPISODES, 2) == ["a", "b"]


def test_more_documents_than_one_batch_all_arrive(store: DocumentStore) -> None:
    assert store.put(SIMILAR_EPISODES, (SimilarEpisodes(episode_id=f"{n:04}", edition="e1", similar=()) for n in range(450))) == 450
    assert len(store.keys(SIMILAR_EPISODES, 1000)) == 450


def test_retire_removes_every_other_edition_and_no_document_of_this_one(store: DocumentStore) -> None:
    store.put(FINAL_RECOMMENDATIONS, [listener("u1", "e1"), listener("u2", "e3"), listener("u3", "e2")])
    assert store.retire(FINAL_RECOMMENDATIONS, "e2") == 2
    assert store.keys(FINAL_RECOMMENDATIONS, 10) == ["u3"]


def test_delete_says_whether_it_was_there(store: DocumentStore) -> None:
    store.put(FINAL_RECOMMENDATIONS, [listener("u1")])
    assert store.delete(FINAL_RECOMMENDATIONS, "u1") is True
    assert store.delete(FINAL_RECOMMENDATIONS, "u1") is False


@pytest.mark.services
def test_preparing_twice_changes_nothing_and_the_flat_view_has_one_row_a_pair(mongo: MongoServer, mongo_store: MongoStore) -> None:
    mongo_store.prepare()
    mongo_store.prepare()
    mongo_store.put(FINAL_RECOMMENDATIONS, [listener("u1", "e1", "a", "b"), listener("u2", "e1", "c")])
    rows = list(mongo_store._database[FLAT_VIEW].find({"user_id": "u1"}))
    assert rows == [
        {"user_id": "u1", "recommended_episode_id": name, "score": score, "generated_at": NOW} for name, score in (("a", 0.9), ("b", pytest.approx(0.8)))
    ]


@pytest.mark.services
def test_a_foreign_document_is_named_and_not_passed_on(mongo_store: MongoStore) -> None:
    mongo_store._database[FINAL_RECOMMENDATIONS.name].insert_one({"_id": "u1", "surprise": 1})
    with pytest.raises(StorageError, match="'u1' of final_recommendations"):
        mongo_store.get(FINAL_RECOMMENDATIONS, "u1")


def test_a_server_that_is_down_is_named_within_its_time_limit() -> None:
    began = monotonic()
    with (
        MongoStore(MongoSettings(uri="mongodb://127.0.0.1:9", timeout_s=1)) as store,
        pytest.raises(StorageError, match=r"MongoDB at mongodb://127\.0\.0\.1:9"),
    ):
        store.put(FINAL_RECOMMENDATIONS, [listener("u1")])
    assert timedelta(seconds=monotonic() - began) < timedelta(seconds=5)
