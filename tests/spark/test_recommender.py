"""From engagement to lists on a real Spark: what ALS must find, what the twin must not know, and what is served to whom."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jobs.recommend import job as recommend
from jobs.recommend.settings import RecommendSettings
from jobs.shared import tables
from jobs.shared.documents import DEFAULT_USER
from jobs.shared.generations import twin
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.spark_delta import SparkLake
from jobs.train_als import job as train
from jobs.train_als.settings import TrainAlsSettings
from tests.support.planted import FIRST_DAY, listened, plant, similar_by_topic

SIZE = 10
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def trained(lake: DeltaLake, spark_lake: SparkLake, settings: TrainAlsSettings) -> tuple[str, dict[str, str]]:
    plan = train.plan(lake, settings)
    assert plan is not None
    train.run(spark_lake, plan, settings)
    newest = lake.newest(tables.ALS_EPISODE_FACTORS)
    assert newest is not None
    assert newest.provenance is not None
    assert newest.provenance.note["generation"] == plan.generation
    return plan.generation, newest.provenance.note


def scores(lake: DeltaLake, generation: str) -> dict[tuple[str, str], float]:
    def factors(table: tables.Table, key: str) -> dict[str, np.ndarray]:
        rows = lake.read(table, where=[("generation", "=", generation)]).to_pylist()
        return {row[key]: np.array(row["factors"]) for row in rows}

    users, episodes = factors(tables.ALS_USER_FACTORS, "user_id"), factors(tables.ALS_EPISODE_FACTORS, "episode_id")
    return {(user, episode): float(own @ its) for user, own in users.items() for episode, its in episodes.items()}


def test_als_finds_the_withheld_diagonal_of_a_checkerboard_and_takes_skips_as_evidence_against(
    lake: DeltaLake, spark_lake: SparkLake, lake_settings: LakeSettings
) -> None:
    """Even listeners like even episodes, odd ones odd; what nobody told is their own: the best of the rest must be just that.

    Listener `torn` likes e2, e4, e6 and refused e8: of the even ones e8 must come last, and `bored`, who only skips, gets no factors.
    """
    rows = [
        listened(f"u{user}", f"e{episode}", FIRST_DAY, plays=1, completes=1)
        for user in range(SIZE)
        for episode in range(SIZE)
        if user % 2 == episode % 2 and user != episode
    ]
    rows += [listened("torn", f"e{episode}", FIRST_DAY, plays=1, completes=1) for episode in (2, 4, 6)]
    rows += [
        listened("torn", "e8", FIRST_DAY, skips=3, rating=1),
        listened("bored", "e1", FIRST_DAY, skips=1),
        listened("u1", "skipped-by-all", FIRST_DAY, skips=1),
    ]
    lake.replace(tables.USER_VS_EPISODE_DAILY, pa.Table.from_pylist(rows, schema=tables.USER_VS_EPISODE_DAILY.schema))
    generation, note = trained(lake, spark_lake, TrainAlsSettings(lake=lake_settings, rank=4, iterations=25))
    found = scores(lake, generation)
    for user in range(SIZE):
        heard = {f"e{episode}" for episode in range(SIZE) if user % 2 == episode % 2 and user != episode}
        rest = {episode: value for (name, episode), value in found.items() if name == f"u{user}" and episode not in heard}
        assert max(rest, key=rest.__getitem__) == f"e{user}"
    torn = {episode: value for (name, episode), value in found.items() if name == "torn"}
    assert min([f"e{episode}" for episode in range(0, SIZE, 2)], key=torn.__getitem__) == "e8"
    assert torn["e0"] > torn["e8"] > max(torn[f"e{episode}"] for episode in range(1, SIZE, 2)) - 0.5
    assert not {name for name, _ in found} & {"bored"}
    assert not {episode for _, episode in found} & {"skipped-by-all"}
    assert "no_backtest" in note, "all engagement is of one day"
    assert not list(Path(lake_settings.uri).glob("*.checkpoints"))
    assert lake.read(tables.ALS_EPISODE_FACTORS, where=[("generation", "=", twin(generation))]).num_rows == 0


@pytest.fixture
def planted(lake: DeltaLake) -> DeltaLake:
    plant(users=24, episodes=40, days=20).write(lake)
    return lake


def test_lists_are_made_of_both_generations_and_the_twin_knows_nothing_of_the_future(
    planted: DeltaLake, spark_lake: SparkLake, lake_settings: LakeSettings
) -> None:
    lake = planted
    # An episode that came out today and that nobody has heard, and a listener whom only the newest day knows.
    last = max(lake.read(tables.USER_VS_EPISODE_DAILY, ["day"])["day"].to_pylist())
    new = {"episode_id": "new", "podcast_id": "p9", "title": "Brand New", "published_at": datetime.now(UTC), "audio_url": "https://a.example/n.mp3"}
    lake.upsert(tables.EPISODES, pa.Table.from_pylist([new], schema=tables.EPISODES.schema))
    ids = [f"e{i:05}" for i in range(40)]
    similar = [*similar_by_topic(ids, 4).to_pylist(), *({"episode_id": name, "rank": 99, "similar_episode_id": "new", "score": 0.95} for name in ids)]
    lake.replace(tables.SIMILARITIES, pa.Table.from_pylist(similar, schema=tables.SIMILARITIES.schema))
    late = [listened("latecomer", "e00001", last, plays=1, completes=1), listened(DEFAULT_USER, "e00002", last, likes=1)]
    lake.upsert(tables.USER_VS_EPISODE_DAILY, pa.Table.from_pylist(late, schema=tables.USER_VS_EPISODE_DAILY.schema))

    settings = TrainAlsSettings(lake=lake_settings, rank=8, iterations=5)
    generation, note = trained(lake, spark_lake, settings)
    assert train.plan(lake, settings) is None
    wanted = RecommendSettings(lake=lake_settings)
    plan = recommend.plan(lake, wanted)
    assert plan is not None
    assert plan.split_day is not None
    assert note["split_day"] == plan.split_day.isoformat()
    recommend.run(lake, spark_lake, plan, wanted, NOW)
    assert recommend.plan(lake, wanted) is None

    rows = lake.read(tables.RECOMMENDATIONS).to_pylist()
    lists = {name: {} for name in (generation, twin(generation))}
    for row in sorted(rows, key=lambda each: each["rank"]):
        lists[row["generation"]].setdefault(row["user_id"], []).append(row["episode_id"])
    own, past = lists[generation], lists[twin(generation)]
    assert {"latecomer", DEFAULT_USER} <= set(own)
    assert "latecomer" not in past
    assert DEFAULT_USER in past
    assert "new" in own["latecomer"]
    assert sum("new" in entries for entries in own.values()) > len(own) / 2

    published = {row["episode_id"]: row["published_at"].date() for row in lake.read(tables.EPISODES).to_pylist()}
    assert all(published[episode] < plan.split_day for entries in past.values() for episode in entries)
    used_up: dict[str, set[tuple[str, bool]]] = {}
    for row in lake.read(tables.USER_VS_EPISODE_DAILY).to_pylist():
        used_up.setdefault(row["user_id"], set()).add((row["episode_id"], row["day"] < plan.split_day))
    for user, entries in own.items():
        assert user == DEFAULT_USER or not {episode for episode, _ in used_up[user]} & set(entries)
    heard_later = 0
    for user, entries in past.items():
        before = {episode for episode, early in used_up.get(user, ()) if early}
        assert user == DEFAULT_USER or not before & set(entries)
        heard_later += len({episode for episode, early in used_up.get(user, ()) if not early} & set(entries))
    assert heard_later > 0, "the twin may recommend what was heard after the split"
