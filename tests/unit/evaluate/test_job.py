"""A planted platform: good lists are promoted, a planted regression is refused, and what cannot be judged is said to be untested."""

from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest

from jobs.evaluate import job
from jobs.evaluate.settings import EvaluateSettings
from jobs.shared import tables
from jobs.shared.generations import twin
from jobs.shared.models import Provenance
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.memory import MemoryLake
from tests.support.planted import listened

SETTINGS = EvaluateSettings(lake=LakeSettings(uri="unused"))
SPLIT = date(2026, 11, 10)
BEFORE, AFTER = SPLIT - timedelta(days=3), SPLIT + timedelta(days=2)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LISTENERS = [f"u{i}" for i in range(12)]


@pytest.fixture
def lake() -> MemoryLake:
    """Listener i heard `old` before the split and likes `own-i` after it; everybody's favourite before it is `hit`."""
    lake = MemoryLake()
    published = {"old": -30, "hit": -30, "unheard": -1, "later": 1} | {f"own-{i}": -20 for i in range(12)}
    episodes = [
        {"episode_id": name, "podcast_id": "p", "title": name, "published_at": datetime.combine(SPLIT + timedelta(days=days), time(9), UTC)}
        for name, days in published.items()
    ]
    lake.upsert(tables.EPISODES, pa.Table.from_pylist(episodes, schema=tables.EPISODES.schema))
    rows = [listened("fan", "hit", BEFORE, completes=2, likes=1), listened("fan", "own-0", BEFORE, completes=1)]
    for i, user in enumerate(LISTENERS):
        rows += [listened(user, "old", BEFORE, completes=1), listened(user, f"own-{i}", AFTER, completes=1)]
        # None of these may count: used up before, not published before, refused.
        rows += [listened(user, "old", AFTER, plays=1), listened(user, "later", AFTER, completes=1), listened(user, "hit", AFTER, skips=1)]
    lake.upsert(tables.USER_VS_EPISODE_DAILY, pa.Table.from_pylist(rows, schema=tables.USER_VS_EPISODE_DAILY.schema))
    return lake


def write(lake: MemoryLake, generation: str, lists: dict[str, list[str]], split: date | None = SPLIT) -> None:
    note = {"split_day": split.isoformat()} if split else {"no_backtest": "all engagement is of one day"}
    for name in (twin(generation), generation):
        rows = [
            {"generation": name, "user_id": user, "rank": rank, "episode_id": episode, "score": 0.5}
            for user, ranked in lists.items()
            for rank, episode in enumerate(ranked, start=1)
        ]
        provenance = Provenance(stage="recommend", settings="s", sources={}, note=note | {"generation": name})
        lake.replace(tables.RECOMMENDATIONS, pa.Table.from_pylist(rows, schema=tables.RECOMMENDATIONS.schema), [("generation", "=", name)], provenance)


def judged(lake: MemoryLake, generation: str) -> dict[str, dict[str, object]]:
    plan = job.plan(lake, SETTINGS)
    assert plan is not None
    job.run(lake, plan, SETTINGS, NOW)
    return {row["metric"]: row for row in lake.read(tables.EVALUATIONS, where=[("generation", "=", generation)]).to_pylist()}


GOOD = {user: ["unheard", f"own-{i}"] for i, user in enumerate(LISTENERS)}
BETTER = {user: [f"own-{i}", "unheard"] for i, user in enumerate(LISTENERS)}
POOR = {user: ["hit", "unheard"] for user in LISTENERS}


def test_a_first_generation_is_measured_beside_popularity_and_promoted(lake: MemoryLake, capsys: pytest.CaptureFixture[str]) -> None:
    write(lake, "g1", GOOD)
    rows = judged(lake, "g1")
    assert rows["ndcg@10"]["value"] == pytest.approx(0.6309, abs=1e-4)
    assert rows["recall@10"]["value"] == 1.0
    assert rows["users"]["value"] == 12
    # By hand: hit, old, own-0 by engagement; `old` is used up, so own-0 is second, for listener 0 alone.
    assert rows["ndcg@10"]["baseline"] == pytest.approx(0.6309 / 12, abs=1e-4)
    assert rows["recall@10"]["baseline"] == pytest.approx(1 / 12)
    assert rows["cold_recall@10"]["value"] == 1.0
    assert rows["cold_recall@10"]["baseline"] == 0.0
    assert rows["coverage@10"]["value"] == pytest.approx(13 / 15)
    assert {(row["verdict"], row["live"], row["split"]) for row in rows.values()} == {("promoted", None, "2026-11-10")}
    assert "popularity" in capsys.readouterr().out


def test_a_planted_gain_is_promoted_and_a_planted_regression_refused(lake: MemoryLake, caplog: pytest.LogCaptureFixture) -> None:
    write(lake, "g1", GOOD)
    judged(lake, "g1")
    write(lake, "g2", BETTER)
    gain = judged(lake, "g2")["ndcg@10"]
    assert (gain["verdict"], gain["value"], gain["live"]) == ("promoted", 1.0, pytest.approx(0.6309, abs=1e-4))
    write(lake, "g3", POOR)
    loss = judged(lake, "g3")["ndcg@10"]
    assert (loss["verdict"], loss["value"], loss["live"]) == ("refused", 0.0, 1.0)
    write(lake, "g4", GOOD)
    assert judged(lake, "g4")["ndcg@10"]["live"] == 1.0, "the refused generation never became the one to beat"


def test_the_live_lists_are_not_blamed_for_what_was_used_up_since(lake: MemoryLake) -> None:
    write(lake, "g1", {user: ["old", f"own-{i}"] for i, user in enumerate(LISTENERS)})
    judged(lake, "g1")
    write(lake, "g2", BETTER)
    assert judged(lake, "g2")["ndcg@10"]["live"] == 1.0


def test_without_a_twin_the_generation_is_promoted_untested(lake: MemoryLake) -> None:
    write(lake, "g1", GOOD, split=None)
    rows = judged(lake, "g1")
    assert [(row["metric"], row["verdict"], row["reason"]) for row in rows.values()] == [("users", "promoted-untested", "all engagement is of one day")]


def test_with_too_few_listeners_to_judge_by_it_is_untested(lake: MemoryLake) -> None:
    lake.delete(tables.USER_VS_EPISODE_DAILY, [("user_id", "in", LISTENERS[4:])])
    write(lake, "g1", GOOD)
    assert judged(lake, "g1")["users"]["verdict"] == "promoted-untested"


def test_nothing_new_is_noticed_and_running_again_replaces_the_rows(lake: MemoryLake) -> None:
    assert job.plan(lake, SETTINGS) is None
    write(lake, "g1", GOOD)
    judged(lake, "g1")
    assert job.plan(lake, SETTINGS) is None
    write(lake, "g1", BETTER)
    assert len(judged(lake, "g1")) == lake.read(tables.EVALUATIONS).num_rows


def test_lists_that_are_not_whole_are_not_judged(lake: MemoryLake) -> None:
    note = {"generation": twin("g1"), "split_day": SPLIT.isoformat()}
    lake.replace(tables.RECOMMENDATIONS, tables.RECOMMENDATIONS.empty(), provenance=Provenance(stage="recommend", settings="s", sources={}, note=note))
    assert job.plan(lake, SETTINGS) is None
