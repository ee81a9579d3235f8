"""Lists: what is on them, in which order, and why."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jobs.recommend import core
from jobs.recommend.settings import ListSettings, SourceWeights
from jobs.shared import tables

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEFAULTS = ListSettings()


def only(source: str) -> SourceWeights:
    return SourceWeights(**{name: float(name == source) for name in core.SOURCES})


def alone(source: str, **values: object) -> ListSettings:
    return ListSettings(cold=only(source), warm=only(source), **({"max_per_show": 100, "popular_share": 1.0} | values))


def shop(
    count: int = 8,
    *,
    shows: int = 2,
    factors: dict[int, list[float]] | None = None,
    near: dict[int, list[int]] | None = None,
    heat: dict[int, float] | None = None,
    ages_days: dict[int, float] | None = None,
    before: datetime | None = None,
    policy: ListSettings = DEFAULTS,
) -> core.Catalogue:
    """Episodes e0, e1, ... of shows in turn; old and unknown to everybody unless said otherwise."""
    ages = dict.fromkeys(range(count), 400.0) | (ages_days or {})
    episodes = [{"episode_id": f"e{i}", "podcast_id": f"p{i % shows}", "title": f"E{i}", "published_at": NOW - timedelta(days=ages[i])} for i in range(count)]
    similar = [
        {"episode_id": f"e{i}", "rank": rank, "similar_episode_id": f"e{j}", "score": 1.0 - 0.1 * rank}
        for i, others in (near or {}).items()
        for rank, j in enumerate(others, start=1)
    ]
    return core.catalogue(
        episodes=pa.Table.from_pylist(episodes[::-1], schema=tables.EPISODES.schema),
        podcasts=pa.Table.from_pylist([{"podcast_id": f"p{i}", "title": f"Show {i}"} for i in range(shows)], schema=tables.PODCASTS.schema),
        factors=pa.Table.from_pylist(
            [{"episode_id": f"e{i}", "factors": value} for i, value in (factors or {}).items()], schema=tables.ALS_EPISODE_FACTORS.schema
        ).select(["episode_id", "factors"]),
        similarities=pa.Table.from_pylist(similar, schema=tables.SIMILARITIES.schema),
        popularity=pa.table(
            {"episode_id": pa.array([f"e{i}" for i in heat or {}], pa.string()), "popularity": pa.array(list((heat or {}).values()), pa.float64())}
        ),
        settings=policy,
        as_of=before or NOW,
        before=before,
    )


def act(episode: int, engagement: float = 4.0, **flags: bool) -> dict[str, object]:
    return {"episode_id": f"e{episode}", "engagement": engagement, "used_up": True, "finished": False, "liked": False} | flags


def block(*listeners: tuple[str, list[float] | None, list[dict[str, object]]]) -> pa.Table:
    return pa.Table.from_pylist([{"user_id": name, "factors": own, "history": history} for name, own, history in listeners], schema=core.LISTENERS)


def listed(episodes: core.Catalogue, policy: ListSettings, factors: list[float] | None = None, history: list[dict[str, object]] | None = None) -> list[dict]:
    return core.lists(block(("u", factors, history or [])), episodes, policy).to_pylist()


def ids(rows: list[dict]) -> list[str]:
    return [row["episode_id"] for row in rows]


def test_with_all_weight_on_the_factors_the_order_is_theirs() -> None:
    episodes = shop(4, factors={0: [0.1], 1: [0.9], 2: [0.5], 3: [-0.4]}, heat={3: 99.0}, near={0: [3]})
    rows = listed(episodes, alone("collaborative"), [1.0])
    assert ids(rows) == ["e1", "e2", "e0"]
    assert {reason["kind"] for row in rows for reason in row["reasons"]} == {"collaborative"}


def test_with_all_weight_on_similarity_the_order_is_that_of_the_neighbours() -> None:
    episodes = shop(6, factors={4: [9.0]}, near={0: [3, 1, 5]}, heat={4: 9.0})
    rows = listed(episodes, alone("similar"), [1.0], [act(0)])
    assert ids(rows) == ["e3", "e1", "e5"]


def test_what_was_refused_speaks_against_its_neighbours() -> None:
    episodes = shop(6, near={0: [3, 4], 1: [3]})
    rows = listed(episodes, alone("similar"), None, [act(0, 4.0), act(1, -9.0)])
    assert ids(rows) == ["e4"]


def test_with_all_weight_on_popularity_the_order_is_that_of_the_engagement() -> None:
    assert ids(listed(shop(5, heat={2: 5.0, 4: 7.0, 0: 1.0}, policy=alone("popular")), alone("popular"))) == ["e4", "e2", "e0"]


def test_only_the_top_share_is_called_popular() -> None:
    policy = alone("popular", popular_share=0.25)
    assert ids(listed(shop(8, heat={i: float(i + 1) for i in range(8)}, policy=policy), policy)) == ["e7", "e6"]


def test_with_all_weight_on_freshness_followed_shows_come_first_and_old_episodes_never() -> None:
    episodes = shop(6, ages_days={1: 1.0, 2: 3.0, 4: 13.0})
    assert ids(listed(episodes, alone("fresh"))) == ["e1", "e2", "e4"]
    assert ids(listed(episodes, alone("fresh"), None, [act(0)])) == ["e2", "e1", "e4"]


def test_equal_scores_are_in_order_of_ids() -> None:
    assert ids(listed(shop(9, factors={i: [0.3, 0.7] for i in range(9)}), alone("collaborative"), [0.2, 0.9])) == [f"e{i}" for i in range(9)]


def test_used_up_episodes_are_left_out_and_merely_started_ones_are_not() -> None:
    episodes = shop(4, heat={i: 4.0 - i for i in range(4)}, policy=alone("popular"))
    assert ids(listed(episodes, alone("popular"), None, [act(0), act(1, used_up=False)])) == ["e1", "e2", "e3"]


def test_one_show_cannot_fill_the_list() -> None:
    policy = alone("popular", max_per_show=2)
    rows = listed(shop(10, shows=2, heat={i: 20.0 - i for i in range(10)}, policy=policy), policy)
    assert ids(rows) == ["e0", "e1", "e2", "e3"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]


def test_a_listener_without_history_gets_what_is_popular_and_fresh() -> None:
    rows = listed(shop(8, heat={2: 5.0}, ages_days={5: 1.0}), ListSettings())
    assert ids(rows) == ["e2", "e5"]
    assert {reason["text"] for row in rows for reason in row["reasons"]} == {"popular this week", "new from Show 1"}


def test_an_episode_without_any_events_is_recommended_by_its_neighbours() -> None:
    rows = listed(shop(8, factors={0: [1.0], 1: [0.9]}, near={0: [7]}), ListSettings(), [1.0], [act(0, finished=True)])
    assert "e7" in ids(rows)
    reason = next(row for row in rows if row["episode_id"] == "e7")["reasons"][0]
    assert (reason["kind"], reason["text"], reason["episode_id"]) == ("similar", 'because you finished "E0"', "e0")


def test_reasons_name_the_deed_and_the_episode_that_speaks_most_for_the_entry() -> None:
    episodes = shop(8, near={0: [7], 1: [7], 2: [7]}, factors={1: [1.0, 0.0], 2: [0.0, 1.0], 6: [0.0, 1.0]})
    history = [act(0, 1.0), act(1, 9.0, liked=True, finished=True), act(2, 2.0)]
    by_episode = {row["episode_id"]: row["reasons"] for row in listed(episodes, ListSettings(), [0.1, 0.9], history)}
    assert by_episode["e7"][0]["text"] == 'because you liked "E1"'
    assert by_episode["e6"][0]["text"] == 'people who liked "E2" also liked this'


def test_factors_without_any_liked_history_are_not_blamed_on_an_episode() -> None:
    rows = listed(shop(3, factors={2: [1.0]}), alone("collaborative"), [1.0], [act(0, -2.0)])
    assert [(reason["text"], reason["episode_id"]) for reason in rows[0]["reasons"]] == [("liked by listeners with a taste like yours", None)]


def test_the_twin_knows_no_episode_published_after_the_split() -> None:
    split = NOW - timedelta(days=10)
    episodes = shop(3, heat={0: 3.0, 1: 2.0, 2: 1.0}, ages_days={0: 5.0, 1: 10.5, 2: 400.0}, before=split, policy=alone("popular"))
    assert ids(listed(episodes, alone("popular"))) == ["e1", "e2"]


def test_history_with_unknown_episodes_is_passed_over() -> None:
    episodes = shop(3, heat={1: 1.0}, policy=alone("popular"))
    assert ids(listed(episodes, alone("popular"), None, [act(77), act(0)])) == ["e1"]


def test_an_empty_platform_gives_empty_lists() -> None:
    assert listed(shop(0), ListSettings()) == []
    assert core.lists(block(), shop(3), ListSettings()).num_rows == 0


def test_weights_move_from_cold_to_warm_with_the_history() -> None:
    policy = ListSettings(half_history=4.0)
    shares = [core.weights(policy.cold, policy.warm, policy.half_history, engaged)[0] for engaged in (0, 4, 1000)]
    assert shares[0] == 0.0
    assert shares[1] == pytest.approx(policy.warm.collaborative / 2)
    assert shares[2] == pytest.approx(policy.warm.collaborative, abs=0.01)


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValidationError, match="at least one weight"):
        SourceWeights(collaborative=0, similar=0, popular=0, fresh=0)


@st.composite
def platforms(draw: st.DrawFn) -> tuple[core.Catalogue, pa.Table, ListSettings]:
    count = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    policy = ListSettings(
        size=draw(st.integers(1, 12)), max_per_show=draw(st.integers(1, 5)), pool=draw(st.integers(1, 30)), half_history=draw(st.floats(0.1, 20))
    )
    some = [i for i in range(count) if rng.random() < 0.7]
    episodes = shop(
        count,
        shows=draw(st.integers(1, 4)),
        factors={i: rng.normal(size=3).tolist() for i in some},
        near={i: rng.permutation([j for j in range(count) if j != i])[:5].tolist() for i in range(count)},
        heat={i: float(rng.integers(0, 4)) for i in some},
        ages_days={i: float(rng.integers(0, 30)) for i in some},
        policy=policy,
    )
    listeners = [
        (
            f"u{n}",
            rng.normal(size=3).tolist() if rng.random() < 0.8 else None,
            [act(int(i), float(rng.normal() * 5), used_up=bool(rng.random() < 0.6)) for i in rng.permutation(count)[: rng.integers(0, 8)]],
        )
        for n in range(draw(st.integers(1, 4)))
    ]
    return episodes, block(*listeners), policy


@settings(max_examples=60, deadline=None)
@given(platforms())
def test_every_list_keeps_every_promise(platform: tuple[core.Catalogue, pa.Table, ListSettings]) -> None:
    episodes, listeners, policy = platform
    rows = core.lists(listeners, episodes, policy).to_pylist()
    show = dict(zip(episodes.episode_ids, episodes.show.tolist(), strict=True))
    for listener in listeners.to_pylist():
        own = [row for row in rows if row["user_id"] == listener["user_id"]]
        scores = [row["score"] for row in own]
        assert [row["rank"] for row in own] == list(range(1, len(own) + 1))
        assert len(set(ids(own))) == len(own) <= policy.size
        assert all(0 < score <= 1 for score in scores)
        assert all(first >= second - 1e-9 for first, second in pairwise(scores))
        assert not {item["episode_id"] for item in listener["history"] if item["used_up"]} & set(ids(own))
        assert max([sum(show[each] == name for each in ids(own)) for name in set(show.values())], default=0) <= policy.max_per_show
        for row in own:
            assert sum(reason["weight"] for reason in row["reasons"]) == pytest.approx(1)
            assert all(reason["weight"] > 0 for reason in row["reasons"])


@settings(max_examples=20, deadline=None)
@given(platforms())
def test_a_list_does_not_depend_on_who_else_is_in_the_block(platform: tuple[core.Catalogue, pa.Table, ListSettings]) -> None:
    episodes, listeners, policy = platform
    one_by_one = [core.lists(listeners.slice(i, 1), episodes, policy) for i in range(listeners.num_rows)]
    assert core.lists(listeners, episodes, policy).to_pylist() == pa.concat_tables(one_by_one).to_pylist()
