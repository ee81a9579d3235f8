"""Makes the sample feeds from Changelog's Markdown transcripts and public-domain recordings.

This ran once, and its output is committed; README.md beside it says what it made, from what, and under which licence.

    python -m demo.samples.build MARKDOWN_FOLDER JFK_FLAC LIBRIVOX_FOLDER
"""

import argparse
import io
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av

from demo.samples import shows
from demo.samples.cues import Cue, cues_from_markdown
from demo.samples.episodes import description, listed, speakers, words
from demo.samples.formats import MEDIA_TYPES, transcript
from demo.samples.rss import Channel, Enclosure, Item, Link, rss
from jobs.shared.identity import podcast_id

HERE = Path(__file__).parent

NEWEST = datetime(2026, 11, 15, 9, tzinfo=UTC)
"""Date of the first show's newest episode; see README.md for the rule."""

EPISODES_PER_SHOW = 12

FORMATS = ("vtt", "srt", "json", "vtt", "txt", "vtt", "srt", "vtt", "json", "vtt", "srt", "vtt")
"""Transcript format by age, newest first."""

EXTRA_JSON_SHOWS = 3
"""In this many shows the oldest episode is JSON as well: 15 of 72."""

NAMESPACE_URL = "https://samples.earshot.example/feeds"
"""No address that answers: what the Podcasting 2.0 rule makes the feeds' guids from."""

AUDIO_RATE_HZ = 16_000
AUDIO_BITRATE = 48_000


def main() -> None:
    """Replaces `feeds`, `transcripts` and `audio` beside this file."""
    parser = argparse.ArgumentParser(description="Make the sample feeds, transcripts and audio. The output is committed; this need not run again.")
    parser.add_argument("markdown", type=Path, help="folder of Markdown transcripts, one folder a show")
    parser.add_argument("jfk", type=Path, help="the recording of John F. Kennedy")
    parser.add_argument("librivox", type=Path, help="folder of the LibriVox clips")
    arguments = parser.parse_args()
    for folder in ("feeds", "transcripts", "audio"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    for rank, show in enumerate(shows.SHOWS):
        newest_at = NEWEST - timedelta(days=rank)
        formats = (*FORMATS[:-1], "json") if rank < EXTRA_JSON_SHOWS else FORMATS
        channel = show_channel(show, arguments.markdown / show.key, newest_at, formats)
        (HERE / "feeds" / f"{show.slug}.xml").write_bytes(rss(channel))
    voices = voices_channel(arguments.jfk, arguments.librivox, NEWEST - timedelta(days=len(shows.SHOWS)))
    (HERE / "feeds" / f"{shows.VOICES_SLUG}.xml").write_bytes(rss(voices))


def show_channel(show: shows.Show, folder: Path, newest_at: datetime, formats: tuple[str, ...]) -> Channel:
    """The feed of a show's episodes with the highest numbers, whose transcripts it writes."""
    numbered = {int(found[1]): path for path in folder.glob("*.md") if (found := re.search(r"-(\d+)$", path.stem))}
    newest = sorted(numbered, reverse=True)[:EPISODES_PER_SHOW]
    cues_of = {number: cues_from_markdown(numbered[number].read_text(encoding="utf-8")) for number in newest}
    seen_in = Counter(word for cues in cues_of.values() for word in words(cues))
    items = []
    for age_weeks, ((number, cues), suffix) in enumerate(zip(cues_of.items(), formats, strict=True)):
        (HERE / "transcripts" / f"{show.slug}-{number}.{suffix}").write_text(transcript(cues, suffix), encoding="utf-8")
        published_at = newest_at - timedelta(weeks=age_weeks)
        items.append(episode(show, number, cues, published_at=published_at, suffix=suffix, seen_in=seen_in))
    return Channel(
        guid=podcast_id(f"{NAMESPACE_URL}/{show.slug}.xml"),
        title=show.title,
        author="Changelog Media",
        description=show.description,
        link=f"https://changelog.com/{show.key}",
        copyright="Changelog Media LLC; transcripts under CC BY-SA 4.0",
        category=show.category,
        duration_form=show.duration_form,
        items=tuple(items),
    )


def episode(show: shows.Show, number: int, cues: list[Cue], *, published_at: datetime, suffix: str, seen_in: Counter[str]) -> Item:
    """The feed's item for one transcript."""
    names = speakers(cues)
    hosts = [name for name in names if name in show.hosts]
    guests = [name for name in names if name not in show.hosts]
    stem = f"{show.slug}-{number}"
    return Item(
        guid=stem,
        title=f"{show.title} #{number}, with {listed(guests or hosts)}",
        description=description(cues, hosts, guests, seen_in, EPISODES_PER_SHOW),
        number=number,
        published_at=published_at,
        duration_s=cues[-1].end_s,
        enclosure=Enclosure(f"https://cdn.changelog.com/uploads/{show.key}/{number}/{stem}.mp3"),
        transcript=Link(f"../transcripts/{stem}.{suffix}", MEDIA_TYPES[suffix]),
        guests=tuple(guests),
    )


def voices_channel(jfk: Path, librivox: Path, newest_at: datetime) -> Channel:
    """The feed of recordings without a transcript, which it transcodes."""
    items = []
    for number, reading in enumerate(shows.READINGS, start=1):
        source = jfk if reading.source == jfk.name else librivox / reading.source
        audio, duration_s = mp3(source)
        (HERE / "audio" / f"{reading.slug}.mp3").write_bytes(audio)
        items.append(
            Item(
                guid=reading.slug,
                title=f"{shows.VOICES_TITLE} #{number}: {reading.title}",
                description=reading.description,
                number=number,
                published_at=newest_at - timedelta(weeks=len(shows.READINGS) - number),
                duration_s=duration_s,
                enclosure=Enclosure(f"../audio/{reading.slug}.mp3", len(audio)),
            )
        )
    return Channel(
        guid=podcast_id(f"{NAMESPACE_URL}/{shows.VOICES_SLUG}.xml"),
        title=shows.VOICES_TITLE,
        author="Public domain",
        description=shows.VOICES_DESCRIPTION,
        link="https://librivox.org/",
        copyright="Public domain",
        category=("Education",),
        duration_form=shows.DurationForm.HOURS,
        items=tuple(reversed(items)),
    )


def mp3(source: Path) -> tuple[bytes, float]:
    """The recording as mono MP3 of 48 kbit/s, and its duration in seconds."""
    encoded = io.BytesIO()
    samples = 0
    with av.open(str(source)) as recording, av.open(encoded, "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=AUDIO_RATE_HZ, layout="mono", bit_rate=AUDIO_BITRATE)
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=AUDIO_RATE_HZ)
        for frame in (*recording.decode(audio=0), None):
            for part in resampler.resample(frame):
                samples += part.samples
                output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return encoded.getvalue(), samples / AUDIO_RATE_HZ


if __name__ == "__main__":
    main()
