"""New episodes are announced once, whatever feeds, settings and deaths of the process do."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from jobs.fetch_metadata import job
from jobs.fetch_metadata.settings import FetchMetadataSettings
from jobs.fetch_metadata.sources import Sources, gather
from jobs.shared import identity, tables, topics
from jobs.shared.entry import Report
from jobs.shared.errors import SettingsError, SourceError, StorageError
from jobs.shared.ports import Page
from jobs.shared.storage.memory import MemoryAnnouncements, MemoryLake, MemoryTopics, MemoryWeb
from tests.unit.fetch_metadata.test_feed import GERMAN, item, rss

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
A, B = "https://a.org/feed", "https://b.org/feed"


def feed(name: str, count: int, **channel: str) -> bytes:
    items = (item(guid=f"{name}-{n}", title=f"{name} {n}", date=f"2026-11-{n:02} 09:00", audio=f"https://e.org/{name}{n}.mp3") for n in range(1, count + 1))
    return rss(*items, **channel)


def answer(body: bytes, url: str, etag: str | None = None, moved_to: str | None = None) -> Page:
    return Page(url=moved_to or url, moved_to=moved_to, status=200, body=body, size_bytes=len(body), media_type="", etag=etag)


class World:
    def __init__(self) -> None:
        self.web, self.lake, self.topics = MemoryWeb(), MemoryLake(), MemoryTopics()
        self.announcements = MemoryAnnouncements(self.topics)

    def run(self, *feeds: str, **values: Any) -> Report:
        settings = FetchMetadataSettings.model_validate({"lake": {"uri": "x"}, "kafka": {"bootstrap_servers": "x"}, "feeds": feeds, **values})
        return job.run(Sources(list(feeds)), self.web, self.lake, self.announcements, settings=settings, now=NOW)

    def titles(self) -> list[str]:
        return [topics.EPISODE_METADATA.decode(record.value).title for record in self.topics.records.get("episode-metadata", [])]

    def ids(self) -> list[str]:
        return [topics.EPISODE_IDS.decode(record.value).episode_id for record in self.topics.records.get("episode-ids", [])]

    def row(self, feed_url: str) -> dict[str, Any]:
        (row,) = (row for row in self.lake.read(tables.PODCASTS).to_pylist() if row["feed_url"] == feed_url)
        return row


@pytest.fixture
def world() -> World:
    return World()


def test_the_newest_episode_is_announced_and_only_what_is_new_after_that(world: World) -> None:
    world.web.answers[A] = feed("a", 3)
    assert world.run(A).written == 1
    assert world.run(A).written == 0
    world.web.answers[A] = feed("a", 4)
    assert world.run(A).written == 1
    assert world.titles() == ["a 3", "a 4"]
    assert len(set(world.ids())) == 2


def test_an_unchanged_feed_is_not_sent_again(world: World) -> None:
    world.web.answers[A] = answer(feed("a", 3), A, etag='"1"')
    world.run(A)
    assert world.run(A).details["feeds"] == {"unchanged": 1}
    assert world.web.requests[-1][1] == {"If-None-Match": '"1"'}


def test_more_episodes_a_feed_are_found_although_the_feed_did_not_change(world: World) -> None:
    world.web.answers[A] = answer(feed("a", 3), A, etag='"1"')
    world.run(A)
    assert world.run(A, episodes_per_feed=3).written == 2
    assert world.titles() == ["a 3", "a 2", "a 1"]


def test_a_bad_feed_stops_nobody_and_its_reason_is_kept(world: World) -> None:
    bad = {"https://c.org/1": SourceError("http-404"), "https://c.org/2": SourceError("timeout"), "https://c.org/3": b"<html>", "https://c.org/4": rss()}
    world.web.answers |= {**bad, A: feed("a", 1), B: feed("b", 1, channel=GERMAN)}
    report = world.run(*bad, B, A)
    assert (report.read, report.written, report.failed) == (6, 1, 5)
    assert report.details["reasons"] == {"http-404": 1, "timeout": 1, "not-a-feed": 1, "no-episodes": 1, "language-de": 1}
    assert [world.row(url)["last_error"] for url in [*bad, B, A]] == ["http-404", "timeout", "not-a-feed", "no-episodes", "language-de", None]


def test_a_feed_that_failed_is_asked_for_whole_and_loses_its_error(world: World) -> None:
    world.web.answers[A] = answer(feed("a", 1), A, etag='"1"')
    world.run(A)
    world.web.answers[A] = SourceError("timeout")
    world.run(A)
    row = world.row(A)
    assert (row["last_error"], row["title"], len(row["announced_episode_ids"])) == ("timeout", "Show", 1)
    world.web.answers[A] = answer(feed("a", 1), A, etag='"1"')
    assert world.run(A).written == 0
    assert world.web.requests[-1][1] == {}
    assert world.row(A)["last_error"] is None


GUID = "917393e3-1b1e-5cef-ace4-edaa54e1f810"


def test_a_row_of_a_feed_that_never_worked_is_replaced_when_the_feed_says_who_it_is(world: World) -> None:
    world.run(A)
    world.web.answers[A] = feed("a", 1, channel=f"<title>S</title><language>en</language><p:guid>{GUID}</p:guid>")
    world.run(A)
    assert [row["podcast_id"] for row in world.lake.read(tables.PODCASTS).to_pylist()] == [GUID]


@pytest.mark.parametrize("guid", ["", f"<p:guid>{GUID}</p:guid>"])
def test_a_feed_that_moves_stays_the_same_podcast(world: World, guid: str) -> None:
    body = feed("a", 1, channel=f"<title>S</title><language>en</language>{guid}")
    world.web.answers[A] = body
    world.run(A)
    before = world.row(A)["podcast_id"]
    assert before == (GUID if guid else identity.podcast_id(A))
    world.web.answers |= {A: answer(body, A, moved_to=B), B: body}
    for address in (A, B, A):
        assert world.run(address).written == 0
        assert world.row(B)["podcast_id"] == before
    assert world.lake.read(tables.PODCASTS).num_rows == 1


def test_two_addresses_of_one_podcast_are_taken_once(world: World) -> None:
    body = feed("a", 1, channel=f"<title>S</title><language>en</language><p:guid>{GUID}</p:guid>")
    world.web.answers |= {A: body, B: body}
    report = world.run(A, B)
    assert (report.written, report.skipped) == (1, 1)
    assert world.row(A)["podcast_id"] == GUID


class Killed(BaseException):
    pass


def test_a_run_that_dies_between_announcement_and_row_announces_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.web.answers |= {A: answer(feed("a", 2), A, etag='"1"'), B: feed("b", 2)}
    world.run(A)
    world.web.answers[A] = answer(feed("a", 3), A, etag='"2"')
    with monkeypatch.context() as patch:
        patch.setattr(world.lake, "upsert", lambda *arguments: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            world.run(A, B)
    assert world.titles() == ["a 2", "a 3", "b 2"]
    # B has no row yet: first it cannot be reached, then it is back.
    ok = world.web.answers[B]
    world.web.answers[B] = SourceError("timeout")
    assert world.run(A, B).written == 0
    world.web.answers[B] = ok
    for _ in range(3):
        assert world.run(A, B).written == 0
    assert world.titles() == ["a 2", "a 3", "b 2"]


def test_a_podcast_that_is_no_longer_asked_for_is_still_remembered_after_such_a_death(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.web.answers |= {A: feed("a", 1), B: feed("b", 1)}
    with monkeypatch.context() as patch:
        patch.setattr(world.lake, "upsert", lambda *arguments: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            world.run(B)
    for _ in range(2):
        world.run(A)
    assert world.run(A, B).written == 0
    assert world.titles() == ["b 1", "a 1"]


def test_a_run_that_dies_before_the_announcement_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.web.answers[A] = answer(feed("a", 1), A, etag='"1"')
    world.run(A)
    world.web.answers[A] = answer(feed("a", 2), A, etag='"2"')
    with monkeypatch.context() as patch:
        patch.setattr(world.announcements, "announce", lambda episodes: (_ for _ in ()).throw(StorageError("broker gone")))
        with pytest.raises(StorageError):
            world.run(A)
    assert world.run(A).written == 1
    assert world.titles() == ["a 1", "a 2"]


def test_the_ids_read_again_are_only_those_of_the_last_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    since = world.announcements.since
    monkeypatch.setattr(world.announcements, "since", lambda offset: asked.append(offset) or since(offset))
    for count in (1, 2, 3, 4):
        world.web.answers[A] = feed("a", count)
        world.run(A)
    assert asked == [0, 0, 1, 2]


def test_lists_are_joined_and_a_list_that_fails_is_counted(world: World, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "feeds.opml"
    path.write_text(f'<opml><body><outline xmlUrl="{B}"/><outline xmlUrl="{A}"/></body></opml>')
    settings = FetchMetadataSettings.model_validate(
        {"lake": {"uri": "x"}, "kafka": {"bootstrap_servers": "x"}, "feeds": [A], "opml": [str(path), "https://gone.org/x.opml"]}
    )
    sources = gather(settings, world.web, None, job.logger)
    assert sources.feeds == [A, B]
    assert sources.failures == {"opml-http-404": 1}
    with pytest.raises(SettingsError, match=r"none\.opml"):
        gather(replace_opml(settings, str(tmp_path / "none.opml")), world.web, None, job.logger)


def replace_opml(settings: FetchMetadataSettings, path: str) -> FetchMetadataSettings:
    return settings.model_copy(update={"opml": (path,)})


def test_a_feed_under_other_rows_settings_is_asked_for_whole(world: World) -> None:
    world.web.answers[A] = answer(feed("a", 1), A, etag='"1"')
    world.run(A)
    world.run(A, languages=("en", "de"))
    assert world.web.requests[-1][1] == {}
    world.web.answers[A] = replace(answer(feed("a", 1), A), last_modified="Mon, 02 Nov 2026 09:00:00 GMT")
    world.run(A)
    world.run(A)
    assert world.web.requests[-1][1] == {"If-Modified-Since": "Mon, 02 Nov 2026 09:00:00 GMT"}
