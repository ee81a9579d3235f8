"""kill -9 of fetch_metadata and transcribe, with a real broker and a lake in a folder, leaves nothing lost and nothing twice."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.shared import tables
from jobs.shared.errors import RecordError
from jobs.shared.models import Episode
from jobs.shared.settings import KafkaSettings, LakeSettings
from jobs.shared.storage.announcements import KafkaAnnouncements
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.storage.kafka import KafkaQueue
from jobs.shared.topics import EPISODE_METADATA
from tests.support.hostile import HostileWeb, hostile_web, page, with_etag

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[2]
AUDIO = ROOT / "demo" / "samples" / "audio" / "austen-cold-hearted.mp3"
DELTA, KAFKA = "jobs.shared.storage.delta:DeltaLake", "jobs.shared.storage.kafka:KafkaQueue"
SIGKILLED = -9


@pytest.fixture
def web() -> Iterator[HostileWeb]:
    with hostile_web() as server:
        yield server


@dataclass
class Stage:
    """One stage on one lake, as a process."""

    name: str
    config: Path
    lake: DeltaLake

    def run(self, point: str = "", when: str = "never") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "tests" / "support" / "killed.py"), self.name, point, when, "--config", str(self.config)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    def die(self, point: str, when: str) -> None:
        ended = self.run(point, when)
        assert ended.returncode == SIGKILLED, ended.stderr[-2000:]

    def finish(self) -> str:
        ended = self.run()
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    def rows(self, table: tables.Table, *without: str) -> list[dict[str, Any]]:
        names = [name for name in table.columns if name not in without]
        return sorted(self.lake.read(table, names).to_pylist(), key=repr)


def stage(name: str, folder: Path, servers: str, web: HostileWeb, **values: Any) -> Stage:
    folder.mkdir()
    config = folder / f"{name}.yaml"
    lake = str(folder / "lake")
    shared = {"lake": {"uri": lake}, "kafka": {"bootstrap_servers": servers}, "http": {"allowed_hosts": [web.host]}}
    config.write_text(yaml.safe_dump(shared | values))
    return Stage(name, config, DeltaLake(LakeSettings(uri=lake)))


def read_all(settings: KafkaSettings, group: str) -> list[Episode]:
    """What the group has not read yet, acknowledged."""
    queue = KafkaQueue(settings, EPISODE_METADATA, group)
    found: list[Episode] = []
    while records := queue.poll(1_000, 1.0):
        for record in records:
            with suppress(RecordError):
                found.append(EPISODE_METADATA.decode(record.value))
    queue.commit()
    queue.close()
    return found


def test_transcribe_killed_at_every_write_ends_like_a_run_that_was_not(kafka: Any, web: HostileWeb, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    web.answers |= {"/a.mp3": page(AUDIO.read_bytes()), "/t.vtt": page(b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n"), "/bad.mp3": page(b"")}
    episodes = [
        Episode(episode_id=f"{uuid.uuid4()}", podcast_id="p", title=name, audio_url=web.url(f"/{audio}"), transcript_url=transcript, language="en", **kind)
        for name, audio, transcript, kind in [
            ("read", "none.mp3", web.url("/t.vtt"), {"transcript_type": "text/vtt"}),
            ("heard", "a.mp3", None, {}),
            ("bad", "bad.mp3", None, {}),
        ]
    ]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    values = {"flush_items": 1, "idle_s": 1.0, "max_attempts": 1, "whisper": {"workers": 1, "threads": 1}, "scratch_dir": str(scratch)}
    read_all(settings, "transcribe")

    def announce() -> None:
        KafkaAnnouncements(settings, "planted").announce(episodes)

    announce()
    clean = stage("transcribe", tmp_path / "clean", settings.bootstrap_servers, web, **values)
    clean.finish()
    announce()
    killed = stage("transcribe", tmp_path / "killed", settings.bootstrap_servers, web, **values)
    killed.die(f"{DELTA}.upsert:episodes", "after")
    killed.die(f"{DELTA}.upsert:transcripts", "after")
    killed.die("jobs.shared.storage.whisper:WhisperSpeech.transcribe", "before")
    killed.die(f"{DELTA}.append:transcription_attempts", "after")
    killed.die(f"{KAFKA}.commit", "before")
    killed.finish()
    for table, without in ((tables.EPISODES, ()), (tables.TRANSCRIPTS, ()), (tables.TRANSCRIPTION_ATTEMPTS, ("attempted_at",))):
        assert killed.rows(table, *without) == clean.rows(table, *without)
    assert len(clean.rows(tables.TRANSCRIPTS)) == 2
    assert [row["reason"] for row in clean.rows(tables.TRANSCRIPTION_ATTEMPTS) if row["outcome"] == "failed"] == ["empty"]
    assert read_all(settings, "transcribe") == []
    assert list(scratch.iterdir()) == []


def feed(web: HostileWeb, count: int) -> bytes:
    items = (
        f"<item><title>{n}</title><guid>{n}</guid><pubDate>2026-11-{n:02}</pubDate><enclosure url='{web.url(f'/{n}.mp3')}' type='audio/mpeg'/></item>"
        for n in range(1, count + 1)
    )
    return f"<rss version='2.0'><channel><title>Show</title><language>en</language>{''.join(items)}</channel></rss>".encode()


def test_fetch_metadata_killed_around_its_announcement_says_everything_once(kafka: Any, web: HostileWeb, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    group = f"listener-{uuid.uuid4().hex}"
    read_all(settings, group)
    web.answers["/feed"] = with_etag(feed(web, 2), '"1"')
    fetch = stage("fetch_metadata", tmp_path / "fetch", settings.bootstrap_servers, web, feeds=[web.url("/feed")], episodes_per_feed=9)
    fetch.die("jobs.shared.storage.announcements:KafkaAnnouncements.announce", "before")
    fetch.die("jobs.shared.storage.announcements:KafkaAnnouncements.announce", "after")
    fetch.finish()
    web.answers["/feed"] = with_etag(feed(web, 3), '"2"')
    fetch.die(f"{DELTA}.upsert:podcasts", "before")
    engines = fetch.finish()
    assert sorted(episode.title for episode in read_all(settings, group)) == ["1", "2", "3"]
    (row,) = fetch.rows(tables.PODCASTS)
    assert (len(row["announced_episode_ids"]), row["etag"], row["last_error"]) == (3, '"2"', None)
    assert engines.split() == ["engines:"]
