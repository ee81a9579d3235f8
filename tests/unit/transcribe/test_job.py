"""Each episode gets its words once, the best way there is, and what fails is tried three times."""

import datetime as dt
from typing import Any

import pytest

from jobs.shared import tables, topics
from jobs.shared.entry import Report
from jobs.shared.errors import AudioError, ItemError, SourceError, StorageError
from jobs.shared.models import Episode
from jobs.shared.ports import Speech
from jobs.shared.storage.memory import MemoryLake, MemorySpeech, MemoryTopics, MemoryWeb
from jobs.transcribe import job
from jobs.transcribe.settings import TranscribeSettings

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello.\n"


class World:
    def __init__(self) -> None:
        self.web, self.lake, self.topics, self.speech = MemoryWeb(), MemoryLake(), MemoryTopics(), MemorySpeech()
        self.loaded = 0

    def load(self) -> Speech:
        self.loaded += 1
        return self.speech

    def episode(self, name: str, transcript: bytes | ItemError | None = None, audio: bytes | ItemError | None = None, **fields: Any) -> Episode:
        """An episode whose transcript and audio lie on the web."""
        url = f"https://e.org/{name}.vtt" if transcript is not None else None
        self.web.answers |= {address: body for address, body in ((url, transcript), (f"https://e.org/{name}.mp3", audio)) if address and body is not None}
        return Episode(
            episode_id=name, podcast_id="p", title=name, audio_url=f"https://e.org/{name}.mp3", transcript_url=url, language="en", **fields,
            transcript_type="text/vtt" if url else None,
        )  # fmt: skip

    def announce(self, *episodes: Episode) -> None:
        self.topics.publish(topics.EPISODE_METADATA, episodes)

    def run(self, **values: Any) -> Report:
        settings = TranscribeSettings.model_validate({"lake": {"uri": "x"}, "kafka": {"bootstrap_servers": "x"}, **values})
        queue = self.topics.consumer(topics.EPISODE_METADATA, job.STAGE)
        return job.run(queue, self.topics, self.lake, self.web, load_speech=self.load, settings=settings, now=lambda: NOW)

    def transcripts(self) -> dict[str, dict[str, Any]]:
        return {row["episode_id"]: row for row in self.lake.read(tables.TRANSCRIPTS).to_pylist()}

    def attempts(self) -> list[tuple[str, str, str | None]]:
        rows = self.lake.read(tables.TRANSCRIPTION_ATTEMPTS).to_pylist()
        return sorted((row["episode_id"], row["outcome"], row["reason"]) for row in rows)

    def letters(self) -> list[topics.DeadLetter]:
        return [topics.EPISODE_METADATA_DEAD.decode(record.value) for record in self.topics.records.get("episode-metadata.dead", [])]


@pytest.fixture
def world() -> World:
    return World()


def test_the_publishers_transcript_is_taken_and_no_model_is_loaded(world: World) -> None:
    world.announce(world.episode("a", VTT), world.episode("b", VTT))
    report = world.run()
    assert (report.read, report.written, report.failed, world.loaded) == (2, 2, 0, 0)
    row = world.transcripts()["a"]
    assert (row["text"], row["source"], row["model"], row["language"]) == ("Hello.", "publisher", "text/vtt", "en")
    assert row["segments"] == [{"start_s": 1.0, "end_s": 2.0, "speaker": "Ann", "text": "Hello."}]
    assert world.lake.read(tables.EPISODES)["title"].to_pylist() == ["a", "b"]


def test_what_has_no_transcript_is_heard_with_one_model_for_all(world: World) -> None:
    world.announce(*(world.episode(name, audio=f"words of {name}".encode()) for name in "abcdef"))
    assert world.run(flush_items=2).written == 6
    assert world.loaded == 1
    assert {row["text"] for row in world.transcripts().values()} == {f"words of {name}" for name in "abcdef"}
    assert {row["model"] for row in world.transcripts().values()} == {"letters"}


@pytest.mark.parametrize(("transcript", "reason"), [(SourceError("http-404"), "publisher-http-404"), (b"<html>", "publisher-not-a-transcript")])
def test_a_publishers_transcript_that_fails_is_noted_and_the_audio_is_heard(world: World, transcript: bytes | ItemError, reason: str) -> None:
    world.announce(world.episode("a", transcript, b"heard"))
    report = world.run()
    assert world.transcripts()["a"]["source"] == "whisper"
    assert world.attempts() == [("a", "done", reason)]
    assert report.details["publisher_failures"] == {reason: 1}
    assert report.failed == 0


def test_silence_is_an_empty_transcript_and_no_failure(world: World) -> None:
    world.announce(world.episode("a", audio=b""))
    assert world.run().failed == 0
    assert (world.transcripts()["a"]["text"], world.transcripts()["a"]["segments"]) == ("", [])


def test_one_bad_episode_stops_nobody_and_is_tried_three_times_in_all(world: World) -> None:
    world.announce(world.episode("bad", audio=b"broken"), world.episode("gone"), world.episode("good", audio=b"fine"))
    report = world.run()
    assert (report.written, report.failed) == (1, 2)
    assert report.details["reasons"] == {"http-404": 1, "not-audio": 1}
    for _ in range(4):
        world.run()
    failed = [attempt for attempt in world.attempts() if attempt[1] == "failed"]
    assert failed == [("bad", "failed", "not-audio")] * 3 + [("gone", "failed", "http-404")] * 3
    assert world.speech.heard.count("broken") == 3


def test_a_failure_that_heals_is_taken_before_what_is_new(world: World) -> None:
    world.announce(world.episode("a", audio=AudioError("truncated")))
    world.run()
    world.announce(world.episode("a", audio=b"healed"), world.episode("b", audio=b"new"))
    report = world.run()
    assert world.speech.heard == ["healed", "new"]
    assert (report.details["retried"], report.written, report.skipped) == (1, 2, 1)
    assert world.attempts() == [("a", "done", None), ("a", "failed", "truncated"), ("b", "done", None)]


def test_a_record_that_comes_again_costs_nothing(world: World) -> None:
    episode = world.episode("a", audio=b"once")
    world.announce(episode, episode)
    world.run()
    world.announce(episode)
    version = world.lake.newest(tables.EPISODES)
    assert world.run().skipped == 1
    assert world.speech.heard == ["once"]
    assert world.lake.newest(tables.EPISODES) == version
    assert world.attempts() == [("a", "done", None)]


def test_a_replayed_record_is_not_another_try(world: World) -> None:
    episode = world.episode("bad", audio=b"broken")
    for _ in range(2):
        world.announce(episode)
        world.run(max_attempts=1)
    assert world.attempts() == [("bad", "failed", "not-audio")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b"{", "not-json"), (b"", "empty"), (b'{"episode_id":"x"}', "wrong-fields"), (b'[1]', "wrong-fields"), (b"\xff\xfe", "not-json")],
)  # fmt: skip
def test_a_bad_record_becomes_a_dead_letter_and_the_rest_goes_on(world: World, value: bytes, reason: str) -> None:
    world.topics.put("episode-metadata", b"x", value)
    world.announce(world.episode("a", VTT))
    report = world.run()
    (letter,) = world.letters()
    assert (letter.reason, letter.topic, letter.offset) == (reason, "episode-metadata", 0)
    assert (report.written, report.failed, report.details["dead_letters"]) == (1, 1, {reason: 1})
    assert world.run().read == 0


class Killed(BaseException):
    pass


def state(world: World) -> object:
    return world.transcripts(), world.attempts(), world.lake.read(tables.EPISODES).sort_by("episode_id").to_pylist(), world.topics.committed


@pytest.mark.parametrize("kill_at", range(1, 9))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_run_that_dies_at_any_write_and_runs_again_ends_like_one_that_did_not(kill_at: int, before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(world: World) -> World:
        world.announce(*(world.episode(name, VTT) for name in "ab"), *(world.episode(name, audio=f"words {name}".encode()) for name in "cd"))
        return world

    clean, killed = fill(World()), fill(World())
    clean.run(batch=2, flush_items=1)
    writes = 0

    def dying(name: str, owner: Any) -> None:
        original = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal writes
            # Nothing to write is no write.
            has_rows = len(arguments) < 2 or arguments[1].num_rows
            writes += 1 if has_rows else 0
            if has_rows and writes == kill_at and before:
                raise Killed
            result = original(*arguments, **options)
            if has_rows and writes == kill_at:
                raise Killed
            return result

        patch.setattr(owner, name, call)

    with monkeypatch.context() as patch:
        dying("upsert", killed.lake)
        dying("append", killed.lake)
        from jobs.shared.storage.memory import MemoryQueue

        dying("commit", MemoryQueue)
        with pytest.raises(Killed):
            killed.run(batch=2, flush_items=1)
    killed.run(batch=2, flush_items=1)
    assert state(killed) == state(clean)


def test_an_outage_in_the_middle_ends_the_run_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.announce(world.episode("a", audio=b"one"))
    with monkeypatch.context() as patch:
        patch.setattr(world.lake, "upsert", lambda *arguments: (_ for _ in ()).throw(StorageError("lake gone")))
        with pytest.raises(StorageError):
            world.run()
    assert world.topics.committed == {}
    assert world.run().written == 1


def test_a_run_takes_no_more_than_it_may(world: World) -> None:
    world.announce(*(world.episode(str(number), VTT) for number in range(10)))
    assert world.run(max_episodes=7, batch=4).read == 7
    assert world.run(max_episodes=7, batch=4).read == 3
