"""A small story with known answers: three shows, eight episodes, twelve listeners of two tastes, one hostile title."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from jobs.shared import tables
from jobs.shared.documents import (
    DEFAULT_USER,
    FINAL_RECOMMENDATIONS,
    PUBLICATIONS,
    SIMILAR_EPISODES,
    Publication,
    Reason,
    RecommendedEpisode,
    SimilarEpisode,
    SimilarEpisodes,
    UserRecommendations,
)
from jobs.shared.engagement import COUNT_BY_KIND, score
from jobs.shared.ports import DocumentStore, Encoder, TableWriter

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""The newest event, in the story's own time."""

BREAD, SPACE, TEA = "bread", "space", "tea"
HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script> [click](javascript:alert(3)) ![pixel](http://evil.example/p.png) "
    "www.evil.example $x^2$ :material/delete: **bold** `code`"
)
DURATION_S = 600.0
SHOWS = {BREAD: "Flour Hour", SPACE: "Orbit Weekly", TEA: "Tea Break"}
EPISODES = {
    "e1": (BREAD, "Starters, with Ada"),
    "e2": (BREAD, "Crust and crumb, with Bo"),
    "e3": (BREAD, "Old ovens, with Cy"),
    "e4": (SPACE, "Rockets that land, with Di"),
    "e5": (SPACE, "Moons of ice, with Ed"),
    "e6": (SPACE, "Listening to stars, with Fay"),
    "e7": (TEA, "Oolong, with Gus"),
    "e8": (TEA, HOSTILE),
}
BAKERS = [f"u{number:02}" for number in range(1, 7)]
STARGAZERS = [f"u{number:02}" for number in range(7, 13)]

SENTENCES = {
    BREAD: [
        "A sourdough starter wants warm water and patience.",
        "We knead the dough until it stretches like a window.",
        "The crust sings when the loaf leaves the oven.",
        "Rye flour ferments faster than wheat.",
    ],
    SPACE: [
        "The rocket booster came back and landed on its feet.",
        "Under the ice of that moon lies a salty ocean.",
        "A telescope in orbit sees no clouds.",
        "The probe fell silent behind the planet.",
    ],
    TEA: [
        "Oolong leaves open slowly in the pot.",
        "Water that boils too long tastes flat.",
        "The second infusion is the one to remember.",
        "Pour low, pour slowly, and wait.",
    ],
}
SENTENCE_S = 10.0
CHUNK_SENTENCES = 6
SECRET_S = 430.0
SECRET = "The ferryman keeps a cinnamon jar under the saddle."
"""Said once, in e6, at SECRET_S."""

LIVE, REFUSED = "20261101T060000Z-aaaaaaaaaaaa", "20261101T090000Z-bbbbbbbbbbbb"


@dataclass(frozen=True)
class Act:
    user_id: str
    episode_id: str
    kind: str
    position_s: float | None
    ts: datetime
    rating: int | None = None


def acts(now: datetime = NOW) -> Iterator[Act]:
    """Everything that listeners did.

    e1, in the last hour: six bakers pause at 95 s, four of them skip back at 305 s, all complete and give 5 stars.
    e4, in the last hour: six stargazers start, five skip at 205 s, one completes, all give 2 stars.
    e2, e3, e5, e6: days ago, heard to the end by the taste's six. e7: hours ago, by the bakers and u07, who alone rates it (5).
    e8: last week, by three.
    """
    for index, user in enumerate(BAKERS):
        begin = now - timedelta(minutes=50 - index)
        yield Act(user, "e1", "play", 0.0, begin)
        yield Act(user, "e1", "pause", 95.0, begin + timedelta(minutes=2))
        yield Act(user, "e1", "play", 95.0, begin + timedelta(minutes=4))
        if index < 4:
            yield Act(user, "e1", "skip", 305.0, begin + timedelta(minutes=8))
        yield Act(user, "e1", "complete", DURATION_S, begin + timedelta(minutes=12))
        yield Act(user, "e1", "rate", None, begin + timedelta(minutes=13), rating=5)
    for index, user in enumerate(STARGAZERS):
        begin = now - timedelta(minutes=20 - index)
        yield Act(user, "e4", "play", 0.0, begin)
        if index < 5:
            yield Act(user, "e4", "skip", 205.0, begin + timedelta(minutes=4))
        else:
            yield Act(user, "e4", "complete", DURATION_S, begin + timedelta(minutes=10))
        yield Act(user, "e4", "rate", None, begin + timedelta(minutes=12), rating=2)
    # The newest event of all: it is the watermark.
    yield Act("u12", "e4", "like", None, now)
    for episode, users, ago in (
        ("e2", BAKERS, timedelta(days=1)),
        ("e5", STARGAZERS, timedelta(days=1)),
        ("e3", BAKERS, timedelta(days=3)),
        ("e6", STARGAZERS, timedelta(days=3)),
        ("e7", [*BAKERS, "u07"], timedelta(hours=5)),
        ("e8", BAKERS[:3], timedelta(days=6)),
    ):
        for index, user in enumerate(users):
            begin = now - ago + timedelta(minutes=index)
            yield Act(user, episode, "play", 0.0, begin)
            yield Act(user, episode, "complete", DURATION_S, begin + timedelta(minutes=10))
            if episode == "e2" and index < 3:
                yield Act(user, episode, "like", None, begin + timedelta(minutes=10))
            if episode == "e7" and user == "u07":
                yield Act(user, episode, "rate", None, begin + timedelta(minutes=11), rating=5)


def plant(lake: TableWriter, encoder: Encoder, now: datetime = NOW) -> None:
    """Write the story's tables."""
    lake.upsert(tables.PODCASTS, podcasts(now))
    lake.upsert(tables.EPISODES, episodes(now))
    lake.upsert(tables.TRANSCRIPTS, rows(tables.TRANSCRIPTS, [transcript(episode) for episode in EPISODES]))
    lake.append(tables.TRANSCRIPTION_ATTEMPTS, attempts(now))
    lake.upsert(tables.CHUNKS, chunks(encoder))
    events = list(acts(now))
    # Two commits, as from two micro-batches: old days, then the last hours.
    recent = now - timedelta(hours=2)
    lake.upsert(tables.USER_EVENTS, user_events([act for act in events if act.ts < recent]))
    lake.upsert(tables.USER_EVENTS, user_events([act for act in events if act.ts >= recent]))
    lake.upsert(tables.USER_VS_EPISODE_DAILY, daily(events))
    lake.upsert(tables.EVALUATIONS, evaluations(now))


def rows(table: tables.Table, values: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(values), schema=table.schema)


def podcasts(now: datetime) -> pa.Table:
    shows = [{"podcast_id": key, "title": title, "feed_url": f"http://feeds.example/{key}.xml", "last_fetched_at": now} for key, title in SHOWS.items()]
    broken = {"podcast_id": "gone", "title": "", "feed_url": "http://feeds.example/gone.xml", "last_fetched_at": now, "last_error": "http-404"}
    return rows(tables.PODCASTS, [*shows, broken])


def episodes(now: datetime) -> pa.Table:
    return rows(
        tables.EPISODES,
        [
            {
                "episode_id": key,
                "podcast_id": podcast,
                "title": title,
                "published_at": now - timedelta(days=10 + number),
                "duration_s": DURATION_S,
                "audio_url": "javascript:alert(4)" if key == "e8" else f"http://127.0.0.1:9/audio/{key}.mp3",
                "language": "en",
            }
            for number, (key, (podcast, title)) in enumerate(EPISODES.items())
        ],
    )


def segments(episode: str) -> list[dict[str, Any]]:
    said = SENTENCES[EPISODES[episode][0]]
    starts = [position * SENTENCE_S for position in range(int(DURATION_S / SENTENCE_S))]
    return [
        {
            "start_s": start,
            "end_s": start + SENTENCE_S,
            "speaker": None,
            "text": SECRET if episode == "e6" and start == SECRET_S else said[position % len(said)],
        }
        for position, start in enumerate(starts)
    ]


def transcript(episode: str) -> dict[str, Any]:
    said = segments(episode)
    text = " ".join(segment["text"] for segment in said)
    return {"episode_id": episode, "text": text, "segments": said, "language": "en", "source": "publisher", "model": "text/vtt"}


def chunks(encoder: Encoder) -> pa.Table:
    values: list[dict[str, Any]] = []
    for episode in EPISODES:
        said = segments(episode)
        for index in range(0, len(said), CHUNK_SENTENCES):
            part = said[index : index + CHUNK_SENTENCES]
            values.append(
                {
                    "episode_id": episode,
                    "chunk_index": index // CHUNK_SENTENCES,
                    "start_s": part[0]["start_s"],
                    "end_s": part[-1]["end_s"],
                    "text": " ".join(segment["text"] for segment in part),
                    "model": encoder.model,
                }
            )
    for value, vector in zip(values, encoder.encode([value["text"] for value in values]), strict=True):
        value["vector"] = vector.tolist()
    return rows(tables.CHUNKS, values)


def attempts(now: datetime) -> pa.Table:
    failed = [
        ("x1", "http-404", "404 for http://audio.example/x1.mp3"),
        ("x1", "http-404", "404 again"),
        ("x2", "not-audio", "no stream found"),
        ("e1", "not-audio", "a page instead"),
    ]
    done = [{"episode_id": key, "attempted_at": now, "outcome": "done"} for key in EPISODES]
    return rows(
        tables.TRANSCRIPTION_ATTEMPTS,
        [
            *done,
            *(
                {"episode_id": key, "attempted_at": now + timedelta(minutes=number), "outcome": "failed", "reason": reason, "error": error}
                for number, (key, reason, error) in enumerate(failed)
            ),
        ],
    )


def user_events(events: Sequence[Act]) -> pa.Table:
    return rows(
        tables.USER_EVENTS,
        [
            {
                "event_id": f"{act.user_id}-{act.episode_id}-{act.kind}-{act.ts:%Y%m%dT%H%M%S}",
                "user_id": act.user_id,
                "episode_id": act.episode_id,
                "kind": act.kind,
                "rating": act.rating,
                "position_s": act.position_s,
                "ts": act.ts,
                "ts_min": int(act.ts.timestamp() // 60),
                "day": act.ts.date(),
            }
            for act in events
        ],
    )


def daily(events: Sequence[Act]) -> pa.Table:
    """Counts a listener, episode and day; whoever completes has listened to all of it, else to the furthest position."""
    found: dict[tuple[str, str, date], list[Act]] = {}
    for act in events:
        found.setdefault((act.user_id, act.episode_id, act.ts.date()), []).append(act)
    values = []
    for (user, episode, day), own in found.items():
        counts = {name: sum(act.kind == kind for act in own) for kind, name in COUNT_BY_KIND.items()}
        rating = next((act.rating for act in reversed(own) if act.rating is not None), None)
        values.append(
            {
                "user_id": user,
                "episode_id": episode,
                "day": day,
                **counts,
                "rating": rating,
                "listened_s": max(act.position_s or 0.0 for act in own),
                "engagement": score(counts, rating),
                "last_event_at": max(act.ts for act in own),
            }
        )
    return rows(tables.USER_VS_EPISODE_DAILY, values)


def evaluations(now: datetime) -> pa.Table:
    def metrics(generation: str, verdict: str, reason: str, scores: tuple[float, float, float]) -> list[dict[str, Any]]:
        values: dict[str, tuple[float, float | None, float | None]] = dict(
            zip(("ndcg@10", "recall@10", "coverage@10"), zip(scores, (0.20, 0.25, 0.10), (0.31, 0.36, 0.62), strict=True), strict=True)
        )
        values |= {"ndcg@10.low": (scores[0] - 0.02, 0.18, 0.29), "ndcg@10.high": (scores[0] + 0.02, 0.22, 0.33), "users": (12.0, 12.0, 12.0)}
        return [
            {
                "generation": generation,
                "metric": metric,
                "value": value,
                "split": "2026-10-28",
                "baseline": baseline,
                "live": live,
                "verdict": verdict,
                "reason": reason,
                "evaluated_at": now,
            }
            for metric, (value, baseline, live) in values.items()
        ]

    return rows(
        tables.EVALUATIONS,
        [
            *metrics(LIVE, "promoted", "better than popularity, no worse than live", (0.32, 0.37, 0.64)),
            *metrics(REFUSED, "refused", "ndcg@10 0.1200 is clearly below live 0.3100", (0.12, 0.15, 0.21)),
        ],
    )


def plant_documents(store: DocumentStore, now: datetime = NOW) -> None:
    """Write what publish would: a list for u01 and for everybody, similar episodes of e1, the publications."""
    store.prepare()

    def entry(key: str, score: float, *reasons: Reason) -> RecommendedEpisode:
        podcast, title = EPISODES[key]
        return RecommendedEpisode(
            recommended_episode_id=key,
            score=score,
            reasons=reasons,
            title=title,
            podcast=SHOWS[podcast],
            audio_url="javascript:alert(4)" if key == "e8" else f"http://127.0.0.1:9/audio/{key}.mp3",
        )

    alike = Reason(kind="collaborative", text="People who liked Starters also heard this", episode_id="e1", weight=0.7)
    near = Reason(kind="similar", text="Close to Crust and crumb, which you finished", episode_id="e2", weight=0.3)
    popular = Reason(kind="popular", text="Heard by many this week", weight=1.0)
    own = (entry("e3", 0.91, alike, near), entry("e7", 0.55, near, popular.model_copy(update={"weight": 0.2})), entry("e8", 0.2, popular))
    edition = "2026-11-01"
    lists = [
        UserRecommendations(user_id="u01", generation=LIVE, edition=edition, generated_at=now, recommendations=own),
        UserRecommendations(user_id=DEFAULT_USER, generation=LIVE, edition=edition, generated_at=now, recommendations=(entry("e4", 0.8, popular),)),
    ]
    store.put(FINAL_RECOMMENDATIONS, lists)
    similar = tuple(
        SimilarEpisode(similar_episode_id=key, score=value, title=EPISODES[key][1], podcast=SHOWS[EPISODES[key][0]], audio_url="http://127.0.0.1:9/a.mp3")
        for key, value in (("e2", 0.81), ("e1", 0.77))
    )
    store.put(SIMILAR_EPISODES, [SimilarEpisodes(episode_id="e3", edition=edition, similar=similar)])
    for collection, documents in ((FINAL_RECOMMENDATIONS, 2), (SIMILAR_EPISODES, 1)):
        store.put(
            PUBLICATIONS,
            [Publication(collection=collection.name, edition=edition, generation=LIVE, published_at=now, documents=documents)],
        )
