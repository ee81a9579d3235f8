import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from jobs.shared import tables, topics
from jobs.shared.models import EventKind, UserEvent
from jobs.shared.storage.memory import MemoryLake, MemoryTopics
from jobs.simulate_events import core, job
from jobs.simulate_events.settings import SimulateEventsSettings

SUBJECTS = {
    "cooking": "kitchen recipe garlic butter oven flavour simmer roast pastry dough",
    "space": "rocket orbit planet telescope galaxy launch satellite astronaut comet gravity",
    "finance": "market investor equity bond dividend portfolio inflation interest pension currency",
}
DURATION_S = 1200.0


def settings(**changes) -> SimulateEventsSettings:
    values = {"lake": {"uri": "memory"}, "kafka": {"bootstrap_servers": "none"}, "users": 30, "topics": 3, "sessions_per_user": 12} | changes
    return SimulateEventsSettings(**values)


def add_episodes(lake: MemoryLake, prefix: str, each: int = 8) -> None:
    rng = np.random.default_rng(1)
    episodes, transcripts = [], []
    for subject, words in SUBJECTS.items():
        for number in range(each):
            name = f"{prefix}-{subject}-{number}"
            episodes.append({"episode_id": name, "podcast_id": f"show-{number % 4}", "title": "Episode", "duration_s": DURATION_S, "audio_url": "x"})
            said = " ".join(rng.choice(words.split(), 60))
            transcripts.append({"episode_id": name, "text": said, "segments": [], "language": "en", "source": "publisher", "model": "text/plain"})
    lake.upsert(tables.TRANSCRIPTS, pa.Table.from_pylist(transcripts, schema=tables.TRANSCRIPTS.schema))
    lake.upsert(tables.EPISODES, pa.Table.from_pylist(episodes, schema=tables.EPISODES.schema))


@pytest.fixture
def lake() -> MemoryLake:
    made = MemoryLake()
    add_episodes(made, "first")
    return made


def simulate(lake, log, chosen: SimulateEventsSettings):
    wave = job.plan(lake, chosen)
    return None if wave is None else job.run(wave, lake, log, chosen)


def sent(log: MemoryTopics) -> list[UserEvent]:
    return [topics.USER_EVENTS.decode(record.value) for record in log.records.get("user-events", [])]


def test_the_same_seed_and_episodes_give_the_same_events_and_then_none(lake: MemoryLake) -> None:
    log = MemoryTopics()
    assert simulate(lake, log, settings()).written == len(sent(log))
    assert simulate(lake, log, settings()) is None

    killed = MemoryLake()
    for table in (tables.TRANSCRIPTS, tables.EPISODES):
        killed._rows[table.name], killed._commits[table.name] = lake._rows[table.name], lake._commits[table.name]
    again = MemoryTopics()
    simulate(killed, again, settings())
    assert sent(again) == sent(log)
    assert len({event.event_id for event in sent(log)}) == len(sent(log))


def test_every_listening_is_a_story_that_holds_together(lake: MemoryLake) -> None:
    log = MemoryTopics()
    simulate(lake, log, settings())
    anchor = lake.newest(tables.EPISODES).committed_at
    playing: dict[str, str | None] = {}
    for event in sent(log):
        assert anchor - dt.timedelta(days=21) <= event.ts <= anchor
        assert 0 <= event.position_s <= DURATION_S
        if event.kind is EventKind.PLAY:
            assert playing.get(event.user_id) is None
            playing[event.user_id] = event.episode_id
        elif event.kind in (EventKind.PAUSE, EventKind.SKIP, EventKind.COMPLETE):
            assert playing[event.user_id] == event.episode_id
            playing[event.user_id] = None
        if event.kind is EventKind.COMPLETE:
            assert event.position_s == DURATION_S
    assert {event.kind for event in sent(log)} == set(EventKind)


def test_what_was_planted_shows_in_what_was_played(lake: MemoryLake) -> None:
    log = MemoryTopics()
    simulate(lake, log, settings())
    planted = {row["user_id"]: row for row in lake.read(tables.PLANTED_TASTES).to_pylist()}
    plays, completes, skips = ({True: 0, False: 0} for _ in range(3))
    for event in sent(log):
        subject = event.episode_id.split("-")[1]
        words = set(SUBJECTS[subject].split())
        liked = any(words & set(topic.split()) for topic in planted[event.user_id]["topics"])
        for counter, kind in ((plays, EventKind.PLAY), (completes, EventKind.COMPLETE), (skips, EventKind.SKIP)):
            counter[liked] += event.kind is kind
    assert completes[True] / plays[True] > 2 * completes[False] / plays[False]
    assert skips[False] / plays[False] > 2 * skips[True] / plays[True]


def test_topics_are_those_of_the_catalogue(lake: MemoryLake) -> None:
    log = MemoryTopics()
    simulate(lake, log, settings(users=60))
    found = {topic for row in lake.read(tables.PLANTED_TASTES).to_pylist() for topic in row["topics"]}
    assert len(found) == 3
    assert sorted(max(SUBJECTS, key=lambda subject: len(set(topic.split()) & set(SUBJECTS[subject].split()))) for topic in found) == sorted(SUBJECTS)


def test_new_episodes_bring_a_further_wave_from_the_same_listeners(lake: MemoryLake) -> None:
    log = MemoryTopics()
    simulate(lake, log, settings())
    before, tastes = sent(log), lake.read(tables.PLANTED_TASTES).to_pylist()
    add_episodes(lake, "second")
    simulate(lake, log, settings(users=31))
    wave = sent(log)[len(before) :]
    anchor = lake.newest(tables.EPISODES).committed_at
    known = [event for event in wave if event.user_id != core.user_id(30)]
    assert wave
    assert min(event.ts for event in known) >= anchor - dt.timedelta(days=1)
    assert min(event.ts for event in wave) < anchor - dt.timedelta(days=1), "a new listener has a history"
    assert not {event.event_id for event in wave} & {event.event_id for event in before}
    assert any(event.episode_id.startswith("second") for event in wave)
    kept = ("user_id", "topics", "favourite_podcast_ids", "patience")
    now = {row["user_id"]: row for row in lake.read(tables.PLANTED_TASTES).to_pylist()}
    assert all(now[row["user_id"]][name] == row[name] for row in tastes for name in kept)


def test_nobody_listens_to_an_episode_that_is_not_out() -> None:
    catalogue = core.Catalogue(["a", "b"], ["p", "p"], np.array([60.0, 60.0]), np.array([2e9, np.nan]), np.ones(2))
    now = dt.datetime.fromtimestamp(1.9e9, dt.UTC)
    chosen = {core.choose(np.array([1.0, 0.0]), catalogue, np.zeros(2, dtype=bool), now, np.random.default_rng(seed)) for seed in range(50)}
    assert chosen == {1}


def test_texts_without_a_word_have_no_topics_and_still_get_listeners() -> None:
    lake = MemoryLake()
    row = {"episode_id": "a", "podcast_id": "p", "title": "", "description": None, "audio_url": "x"}
    lake.upsert(tables.EPISODES, pa.Table.from_pylist([row], schema=tables.EPISODES.schema))
    log = MemoryTopics()
    assert simulate(lake, log, settings(users=3)).written > 0


def test_without_episodes_there_is_nothing_to_do() -> None:
    assert job.plan(MemoryLake(), settings()) is None
