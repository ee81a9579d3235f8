"""Sends the events of listeners with planted tastes.

Reads   tables episodes, transcripts (topics are found in title, description and transcript); planted_tastes of the run before
Writes  topic user-events (idempotent producer); then, last, table planted_tastes: what was planted, for evaluation only
Needs   the lake, Kafka

The newest event is not later than the newest version of the episodes (the anchor). A new listener gets `days` of history before it.
When episodes, transcripts or settings change, everybody known keeps the taste they have and sends a further wave: the time since
the anchor before, but at least a day. Nothing changed: nothing is sent.
Delivery: everything is a function of seed, settings and table versions, so a run that was killed sends the same events with the same
ids again, and stream_events stores them once.
One bad item: an episode without duration counts as 30 minutes, one without transcript is known by its title and description.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from jobs.shared import tables, topics
from jobs.shared.entry import Report
from jobs.shared.log import progress, stage_logger
from jobs.shared.models import Provenance, UserEvent
from jobs.shared.ports import EventLog, TableReader, TableWriter
from jobs.simulate_events import core
from jobs.simulate_events.settings import SimulateEventsSettings

STAGE = "simulate_events"
SHAPING = ("users", "days", "sessions_per_user", "topics", "seed")
"""Settings that decide which events there are; the rate only decides when they come."""
ANCHOR = "anchor"
MAX_TEXT = 50_000
"""Characters of a transcript that topics are found in."""

logger = stage_logger(STAGE)


@dataclass(frozen=True)
class Wave:
    """What is to be sent: everything up to `anchor`, for known listeners since `previous_anchor`."""

    provenance: Provenance
    anchor: datetime
    previous_anchor: datetime | None

    @property
    def name(self) -> str:
        versions = "-".join(str(version) for version in self.provenance.sources.values())
        return f"{self.provenance.settings}-{versions}"


def plan(lake: TableReader, settings: SimulateEventsSettings) -> Wave | None:
    """The wave that is due; None where episodes, transcripts and settings are those of the last one."""
    episodes = lake.newest(tables.EPISODES)
    if episodes is None:
        return None
    transcripts = lake.newest(tables.TRANSCRIPTS)
    due = Provenance(
        stage=STAGE,
        settings=settings.digest(*SHAPING),
        sources={"episodes": episodes.version, "transcripts": transcripts.version if transcripts else -1},
        note={ANCHOR: episodes.committed_at.isoformat()},
    )
    last = lake.newest(tables.PLANTED_TASTES)
    if last is not None and last.provenance == due:
        return None
    known = last.provenance.note.get(ANCHOR) if last is not None and last.provenance is not None else None
    return Wave(provenance=due, anchor=episodes.committed_at, previous_anchor=datetime.fromisoformat(known) if known else None)


def run(wave: Wave, lake: TableWriter, log: EventLog, settings: SimulateEventsSettings) -> Report:
    # Loads scikit-learn.
    from jobs.simulate_events.topics import TopicModel

    catalogue, texts = _catalogue(lake, settings.seed)
    if not catalogue.episode_ids:
        return Report(details={"nothing_to_do": True})
    progress(logger, "finding topics", 0, len(texts))
    model = TopicModel(texts)
    found = model.find(settings.topics, settings.seed)
    tastes = _tastes(lake, found, sorted(set(catalogue.podcast_ids)), settings)
    known = {who.user_id for who in tastes[0]}
    column = {topic: index for index, topic in enumerate(sorted({topic for who in (*tastes[0], *tastes[1]) for topic in who.topics}))}
    affinity = model.affinity(list(column))
    history = timedelta(days=settings.days)
    events: list[UserEvent] = []
    rows = []
    for who in (*tastes[0], *tastes[1]):
        begin = wave.anchor - history
        if who.user_id in known and wave.previous_anchor is not None:
            begin = max(begin, min(wave.previous_anchor, wave.anchor - timedelta(days=1)))
        appeals = core.appeal(who, catalogue, affinity[:, [column[topic] for topic in who.topics]])
        events += core.live(
            who,
            appeals,
            catalogue,
            begin=begin,
            end=wave.anchor,
            sessions=settings.sessions_per_user * ((wave.anchor - begin) / history),
            wave=wave.name,
            rng=_rng(settings.seed, wave.name, who.user_id),
        )
        rows.append(
            {
                "user_id": who.user_id,
                "topics": list(who.topics),
                "favourite_podcast_ids": list(who.favourite_podcast_ids),
                "patience": who.patience,
                "liked_episode_ids": core.liked(appeals, catalogue),
            }
        )
    events.sort(key=lambda event: (event.ts, event.event_id))
    sent = log.publish(topics.USER_EVENTS, _paced(events, settings.rate))
    # Last: what says that the wave is done must not come before it is.
    lake.replace(tables.PLANTED_TASTES, pa.Table.from_pylist(rows, schema=tables.PLANTED_TASTES.schema), provenance=wave.provenance)
    return Report(read=len(catalogue.episode_ids), written=sent, details={"users": len(rows), "topics": len(found), "anchor": wave.anchor.isoformat()})


def _catalogue(lake: TableReader, seed: int) -> tuple[core.Catalogue, list[str]]:
    episodes = lake.read(tables.EPISODES, ["episode_id", "podcast_id", "title", "description", "published_at", "duration_s"])
    episodes = episodes.sort_by("episode_id")
    said = lake.read(tables.TRANSCRIPTS, ["episode_id", "text"])
    text_of = dict(zip(said["episode_id"].to_pylist(), said["text"].to_pylist(), strict=True))
    rows = episodes.to_pylist()
    durations = [min(row["duration_s"] or core.ASSUMED_DURATION_S, core.LONGEST_S) for row in rows]
    published = [row["published_at"].timestamp() if row["published_at"] else np.nan for row in rows]
    catalogue = core.Catalogue(
        episode_ids=[row["episode_id"] for row in rows],
        podcast_ids=[row["podcast_id"] or "" for row in rows],
        durations_s=np.array(durations, dtype=float),
        published=np.array(published, dtype=float),
        popularity=core.popularity(len(rows), _rng(seed, "popularity")),
    )
    texts = [" ".join([row["title"] or "", row["description"] or "", (text_of.get(row["episode_id"]) or "")[:MAX_TEXT]]) for row in rows]
    return catalogue, texts


def _tastes(lake: TableReader, found: list[str], podcasts: list[str], settings: SimulateEventsSettings) -> tuple[list[core.Taste], list[core.Taste]]:
    """The listeners that are known, with the taste they had, and the new ones."""
    planted = {row["user_id"]: row for row in lake.read(tables.PLANTED_TASTES).to_pylist()}
    wanted = [core.user_id(number) for number in range(settings.users)]
    known = [
        core.Taste(
            user_id=user,
            topics=tuple(planted[user]["topics"]),
            favourite_podcast_ids=tuple(planted[user]["favourite_podcast_ids"]),
            patience=planted[user]["patience"],
        )
        for user in wanted
        if user in planted
    ]
    new = [core.taste(user, found, podcasts, _rng(settings.seed, "taste", user)) for user in wanted if user not in planted]
    return known, new


def _rng(seed: int, *names: str) -> np.random.Generator:
    # Each listener has a stream of their own, so that one more user changes nobody else.
    return np.random.default_rng([seed, *(byte for name in names for byte in (*name.encode(), 0))])


def _paced(events: Iterable[UserEvent], rate: float | None) -> Iterator[UserEvent]:
    total = len(events) if isinstance(events, list) else None
    began = said = time.monotonic()
    for done, event in enumerate(events):
        now = time.monotonic()
        if rate is not None and (ahead := done / rate - (now - began)) > 0:
            time.sleep(ahead)
        if now - said >= 1:
            progress(logger, "events sent", done, total)
            said = now
        yield event
