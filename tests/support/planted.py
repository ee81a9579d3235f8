"""Listeners with planted tastes: tables as the stages before the recommender write them, of any size, from a seed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa

from jobs.shared import tables
from jobs.shared.engagement import score
from jobs.shared.ports import TableWriter

FIRST_DAY = date(2026, 10, 1)


@dataclass(frozen=True)
class Planted:
    """Every listener likes one topic best and a second one a little; every episode is about one topic."""

    episodes: pa.Table
    podcasts: pa.Table
    similarities: pa.Table
    daily: pa.Table

    def write(self, lake: TableWriter) -> None:
        lake.upsert(tables.EPISODES, self.episodes)
        lake.upsert(tables.PODCASTS, self.podcasts)
        lake.replace(tables.SIMILARITIES, self.similarities)
        lake.replace(tables.USER_VS_EPISODE_DAILY, self.daily)


def plant(*, users: int = 60, episodes: int = 60, topics: int = 4, shows: int = 6, days: int = 30, listens_per_day: float = 0.6, seed: int = 7) -> Planted:
    """A platform's tables; topic of episode i is i % topics, best topic of user j is j % topics."""
    rng = np.random.default_rng(seed)
    episode_ids = [f"e{i:05}" for i in range(episodes)]
    published = [datetime.combine(FIRST_DAY, time(9), UTC) + timedelta(days=int(days * i / episodes) - days // 3) for i in range(episodes)]
    rows = []
    tastes = np.full((users, topics), 0.05)
    tastes[np.arange(users), np.arange(users) % topics] = 1.0
    tastes[np.arange(users), (np.arange(users) + 1) % topics] += 0.3
    appeal = rng.gamma(2.0, 0.5, episodes)
    heard: set[tuple[int, int]] = set()
    for offset in range(days):
        day = FIRST_DAY + timedelta(days=offset)
        out = np.array([at.date() <= day for at in published])
        for user in np.flatnonzero(rng.random(users) < listens_per_day):
            # Half of the choices are by taste, the rest by what everybody sees.
            like = tastes[user, np.arange(episodes) % topics]
            chance = appeal * (like if rng.random() < 0.5 else 1.0) * out
            episode = int(rng.choice(episodes, p=chance / chance.sum()))
            if (int(user), episode) in heard:
                continue
            heard.add((int(user), episode))
            rows.append(_day(f"u{user:05}", episode_ids[episode], day, float(like[episode]), rng))
    return Planted(
        episodes=pa.Table.from_pylist(
            [
                {"episode_id": name, "podcast_id": f"p{i % shows}", "title": f"Episode {i}", "published_at": at, "audio_url": f"https://a.example/{i}.mp3"}
                for i, (name, at) in enumerate(zip(episode_ids, published, strict=True))
            ],
            schema=tables.EPISODES.schema,
        ),
        podcasts=pa.Table.from_pylist([{"podcast_id": f"p{i}", "title": f"Show {i}"} for i in range(shows)], schema=tables.PODCASTS.schema),
        similarities=similar_by_topic(episode_ids, topics),
        daily=pa.Table.from_pylist(rows, schema=tables.USER_VS_EPISODE_DAILY.schema),
    )


def similar_by_topic(episode_ids: list[str], topics: int, count: int = 10) -> pa.Table:
    """Neighbours of each episode: the nearest in number that share its topic."""
    rows = []
    for i, name in enumerate(episode_ids):
        same = sorted((j for j in range(i % topics, len(episode_ids), topics) if j != i), key=lambda j: (abs(j - i), j))[:count]
        rows += [{"episode_id": name, "rank": rank, "similar_episode_id": episode_ids[j], "score": 0.9 - 0.02 * rank} for rank, j in enumerate(same, start=1)]
    return pa.Table.from_pylist(rows, schema=tables.SIMILARITIES.schema)


def listened(user_id: str, episode_id: str, day: date, *, rating: int | None = None, listened_s: float = 1800.0, **counts: int) -> dict[str, object]:
    """A row of user_vs_episode_daily with its engagement."""
    acts = {name: counts.get(name, 0) for name in ("plays", "pauses", "skips", "completes", "likes")}
    at = datetime.combine(day, time(18), UTC)
    key = {"user_id": user_id, "episode_id": episode_id, "day": day}
    return key | acts | {"rating": rating, "listened_s": listened_s, "engagement": score(acts, rating), "last_event_at": at}


def _day(user_id: str, episode_id: str, day: date, like: float, rng: np.random.Generator) -> dict[str, object]:
    if rng.random() < 0.15 + 0.8 * like:
        loved = int(rng.random() < like / 2)
        return listened(user_id, episode_id, day, plays=1, completes=1, likes=loved, rating=5 if loved else None)
    return listened(user_id, episode_id, day, plays=1, skips=1, listened_s=40.0, rating=2 if rng.random() < 0.2 else None)
