"""The committed sample feeds are what a podcast client expects, and what their README says."""

import itertools
import json
import re
from collections import Counter
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from lxml import etree

from demo.feeds import SAMPLES
from jobs.shared.identity import podcast_id

NS = {"itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd", "podcast": "https://podcastindex.org/namespace/1.0"}
VOICES = "public-domain-voices"
SUFFIX_OF = {"text/vtt": ".vtt", "application/srt": ".srt", "application/json": ".json", "text/plain": ".txt"}
FEEDS = sorted((SAMPLES / "feeds").glob("*.xml"))
SHOWS = [path for path in FEEDS if path.stem != VOICES]


def items(path: Path) -> list[etree._Element]:
    return etree.parse(path).findall("channel/item")


def seconds(clock: str) -> float:
    parts = [float(part.replace(",", ".")) for part in clock.split(":")]
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))


def local(feed: Path, url: str) -> Path:
    """The file that a URL relative to the feed's own address names on the sample server."""
    absolute = urlsplit(urljoin(f"http://localhost/feeds/{feed.name}", url))
    assert absolute.netloc == "localhost"
    return SAMPLES / absolute.path.lstrip("/")


def transcript_of(feed: Path, item: etree._Element) -> tuple[Path, str]:
    tag = item.find("podcast:transcript", NS)
    return local(feed, tag.get("url")), tag.get("type")


def times(path: Path) -> list[tuple[float, float]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return [(segment["startTime"], segment["endTime"]) for segment in json.loads(text)["segments"]]
    return [(seconds(start), seconds(end)) for start, end in re.findall(r"^([\d:.,]+) --> ([\d:.,]+)$", text, re.MULTILINE)]


def test_six_shows_have_twelve_episodes_each_and_one_has_speech_alone():
    assert [len(items(path)) for path in SHOWS] == [12] * 6
    assert len(items(SAMPLES / "feeds" / f"{VOICES}.xml")) >= 4


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: path.stem)
def test_a_feed_names_itself_and_its_items_once_with_one_week_between_them(path):
    channel = etree.parse(path).find("channel")
    assert channel.findtext("podcast:guid", namespaces=NS) == podcast_id(f"https://samples.earshot.example/feeds/{path.name}")
    assert channel.findtext("language") == "en-us"
    assert all(channel.findtext(tag, namespaces=NS) for tag in ("title", "description", "itunes:author"))
    assert channel.find("itunes:category", NS).get("text")
    guids = [item.findtext("guid") for item in items(path)]
    assert len(set(guids)) == len(guids)
    dates = [parsedate_to_datetime(item.findtext("pubDate")) for item in items(path)]
    assert {(newer - older).days for newer, older in itertools.pairwise(dates)} == {7}


def test_every_show_has_a_weekday_of_its_own():
    assert len({parsedate_to_datetime(items(path)[0].findtext("pubDate")).weekday() for path in FEEDS}) == 7


@pytest.mark.parametrize("path", SHOWS, ids=lambda path: path.stem)
def test_a_title_names_the_number_and_a_guest_who_speaks_in_the_transcript(path):
    for item in items(path):
        named = re.fullmatch(r"[\w !]+ #(\d+), with (.+)", item.findtext("title"))
        assert named[1] == item.findtext("itunes:episode", namespaces=NS)
        first = re.split(r", | and ", named[2])[0]
        assert first in transcript_of(path, item)[0].read_text(encoding="utf-8")
        assert len(item.findtext("description")) > 150


@pytest.mark.parametrize("path", SHOWS, ids=lambda path: path.stem)
def test_cue_times_rise_and_stay_inside_the_episode(path):
    for item in items(path):
        file, media_type = transcript_of(path, item)
        assert file.suffix == SUFFIX_OF[media_type]
        duration_s = seconds(item.findtext("itunes:duration", namespaces=NS))
        assert 1200 < duration_s < 7200
        if file.suffix == ".txt":
            assert " --> " not in file.read_text(encoding="utf-8")
            continue
        spans = times(file)
        assert len(spans) > 100
        assert all(0 <= start < end <= duration_s and end - start < 20.01 for start, end in spans)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_all_four_transcript_formats_and_three_forms_of_duration_occur():
    formats = Counter(transcript_of(path, item)[1] for path in SHOWS for item in items(path))
    assert formats == {"text/vtt": 33, "application/srt": 18, "application/json": 15, "text/plain": 6}
    forms = {item.findtext("itunes:duration", namespaces=NS).count(":") for path in SHOWS for item in items(path)}
    assert forms == {0, 1, 2}


def test_every_committed_transcript_belongs_to_an_episode():
    named = {transcript_of(path, item)[0].resolve() for path in SHOWS for item in items(path)}
    assert named == {path.resolve() for path in (SAMPLES / "transcripts").iterdir()}


def test_transcripts_hold_speech_without_markdown_or_sound_descriptions():
    for path in (SAMPLES / "transcripts").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r":\*\*|\]\(|\\\[|\[(?:laugh|unintelligible|\d\d:)", text, re.IGNORECASE), path.name


def test_speech_without_a_transcript_is_mpeg_audio_of_the_length_that_the_feed_says():
    feed = SAMPLES / "feeds" / f"{VOICES}.xml"
    for item in items(feed):
        enclosure = item.find("enclosure")
        audio = local(feed, enclosure.get("url")).read_bytes()
        assert item.find("podcast:transcript", NS) is None
        assert enclosure.get("type") == "audio/mpeg"
        assert len(audio) == int(enclosure.get("length"))
        assert audio.startswith((b"ID3", b"\xff\xf3"))


def test_the_samples_are_small():
    sizes = [path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(sizes) < 8_000_000
    assert max(sizes) < 1_900_000
