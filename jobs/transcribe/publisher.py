"""Reads publishers' transcripts: WebVTT, SRT, Podcasting 2.0 JSON, HTML and plain text, as strangers write them; pure."""

import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

from jobs.shared.errors import SourceError
from jobs.shared.markup import document, plain_text, squeeze
from jobs.shared.models import Segment

WORDS_A_SECOND = 2.5
"""150 words a minute: the end of a last segment that has none."""
PASSAGE_CHARACTERS = 300
"""Long untimed text is cut at the sentence end that follows."""
MAX_SPEAKER = 60
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>", re.IGNORECASE)
_KARAOKE = re.compile(r"<\d[\d:.]*>")
_NAMED = re.compile(r"((?:[^\W\d_a-z][\w.'\u2019-]*)(?: [^\W\d_a-z][\w.'\u2019-]*){0,3}):\s+(?=\S)")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'\u201d\u2019)]*\s+")
_COMMA = re.compile(r"(:\d{2}),(\d{3})")
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2}(?:\.\d+)?)")


@dataclass(frozen=True)
class Passage:
    """Text whose place may be unknown yet."""

    text: str
    speaker: str | None = None
    start_s: float | None = None
    end_s: float | None = None


def read_transcript(body: bytes, media_type: str, duration_s: float | None) -> tuple[Segment, ...]:
    """The segments in order of their start; SourceError `not-a-transcript` or `empty-transcript` where there are none.

    Text without times is spread over `duration_s` by its characters; where that is unknown, it is one segment at 0.
    """
    text = decode(body)
    if not text.strip():
        raise SourceError("empty-transcript", "an empty answer")
    passages = _READERS[media_type](text) if media_type in _READERS else _refuse(f"unknown media type {media_type!r}")
    passages = [passage for passage in passages if passage.text]
    if not passages:
        raise SourceError("empty-transcript", "the publisher's transcript holds no words")
    return tuple(sorted(_timed(passages, duration_s), key=lambda segment: (segment.start_s, segment.end_s)))


def decode(body: bytes) -> str:
    """The text: by its byte order mark, else UTF-8, else what Windows writes."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = body.decode("utf-16", errors="replace")
    else:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = body.decode("cp1252", errors="replace")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _refuse(message: str) -> list[Passage]:
    raise SourceError("not-a-transcript", message)


def _cues(text: str) -> list[Passage]:
    captions = _captions(text)
    found: list[Passage] = []
    speaker: str | None = None
    for caption in captions:
        start, end = _caption_times(caption)
        raw = _KARAOKE.sub("", caption.raw_text)
        pieces = _VOICE.split(raw)
        parts: list[Passage] = []
        # Before the first voice speaks who spoke last: publishers name a speaker only where it changes.
        for name, said in zip([None, *pieces[1::2]], pieces[::2], strict=True):
            speaker = plain_text(name)[:MAX_SPEAKER] or speaker if name else speaker
            if words := plain_text(said):
                parts.append(Passage(words, speaker))
        found += spread(parts, start, end)
    if not _VOICE.search(text):
        found = named(found)
    return _without_echo(found)


def _captions(text: str) -> list[Any]:
    stripped = text.lstrip()
    # A cue number is a cue's name to WebVTT, so that an SRT of any kind can be read as one.
    like_vtt = "WEBVTT\n\n" + _COMMA.sub(r"\1.\2", stripped)
    attempts = [("vtt", stripped)] if stripped.startswith("WEBVTT") else [("srt", stripped), ("vtt", like_vtt)]
    problem: Exception | None = None
    for form, content in attempts:
        try:
            captions = list(webvtt.from_buffer(io.StringIO(content), format=form).captions)
        except (MalformedFileError, MalformedCaptionError, ValueError) as error:
            problem = error
            continue
        if captions:
            return captions
    if problem is None:
        return []
    raise SourceError("not-a-transcript", f"no cues: {problem}") from problem


def _caption_times(caption: Any) -> tuple[float, float]:
    start, end = _clock_s(caption.start) or 0.0, _clock_s(caption.end) or 0.0
    return start, max(start, end)


def _clock_s(text: str) -> float | None:
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _without_echo(passages: Iterable[Passage]) -> list[Passage]:
    """Rolling captions say a line again while it scrolls: it counts once, for as long as it stands."""
    kept: list[Passage] = []
    for passage in passages:
        if kept and kept[-1].text == passage.text and kept[-1].speaker == passage.speaker:
            kept[-1] = replace(kept[-1], end_s=max(kept[-1].end_s or 0.0, passage.end_s or 0.0))
        else:
            kept.append(passage)
    return kept


def named(passages: Sequence[Passage]) -> list[Passage]:
    """The passages with `Name:` taken for the speaker, where that name begins at least two of them; it holds until the next name."""
    matches = [_NAMED.match(passage.text) for passage in passages]
    often = Counter(match.group(1) for match in matches if match)
    found: list[Passage] = []
    speaker: str | None = None
    for passage, match in zip(passages, matches, strict=True):
        text = passage.text
        if match and often[match.group(1)] > 1 and len(match.group(1)) <= MAX_SPEAKER:
            speaker, text = match.group(1), text[match.end() :]
        found.append(replace(passage, text=text, speaker=speaker))
    return found


def _json(text: str) -> list[Passage]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SourceError("not-a-transcript", f"no JSON: {error}") from error
    entries = value.get("segments") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise SourceError("not-a-transcript", "JSON without segments")
    found: list[Passage] = []
    speaker: str | None = None
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("body"), str):
            continue
        name = entry.get("speaker")
        speaker = squeeze(name)[:MAX_SPEAKER] if isinstance(name, str) and name.strip() else speaker
        start, end = _seconds(entry.get("startTime")), _seconds(entry.get("endTime"))
        found.append(Passage(plain_text(entry["body"]), speaker, start, end))
    return _sentences_of_words(found)


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _sentences_of_words(passages: list[Passage]) -> list[Passage]:
    """Some publishers write a segment a word: those are joined to sentences of one speaker."""
    if not passages or median(len(passage.text.split()) for passage in passages) > 2:
        return passages
    joined: list[Passage] = []
    for passage in passages:
        last = joined[-1] if joined else None
        if last is None or last.speaker != passage.speaker or len(last.text) > PASSAGE_CHARACTERS or last.text.endswith((".", "!", "?")):
            joined.append(passage)
        else:
            joined[-1] = replace(last, text=squeeze(f"{last.text} {passage.text}"), end_s=passage.end_s or passage.start_s)
    return joined


def _html(text: str) -> list[Passage]:
    root = document(text)
    if root is None:
        return []
    found: list[Passage] = []
    speaker: str | None = None
    start: float | None = None
    for element in root.iter("cite", "time", "p"):
        words = squeeze(str(element.text_content()))
        if element.tag == "cite":
            speaker = words.rstrip(":").strip()[:MAX_SPEAKER] or speaker
        elif element.tag == "time":
            start = _clock_s(words)
        elif words:
            found += [Passage(part, speaker, start if index == 0 else None) for index, part in enumerate(_passages(words))]
            start = None
    return found or named([Passage(part) for part in _passages(plain_text(text))])


def _plain(text: str) -> list[Passage]:
    if re.match(r"\s*<(?:!doctype|html|\?xml)", text, re.IGNORECASE):
        raise SourceError("not-a-transcript", "a web page in the place of plain text")
    blocks = [squeeze(block) for block in re.split(r"\n\s*\n", text)]
    if len(blocks) == 1:
        blocks = [squeeze(line) for line in text.splitlines()]
    turns = named([Passage(block) for block in blocks if block])
    return [replace(turn, text=part) for turn in turns for part in _passages(turn.text)]


def _passages(text: str) -> list[str]:
    parts: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        if parts and len(parts[-1]) < PASSAGE_CHARACTERS:
            parts[-1] = f"{parts[-1]} {sentence}".strip()
        else:
            parts.append(sentence.strip())
    return [part for part in parts if part]


def spread(passages: Sequence[Passage], start_s: float, end_s: float) -> list[Passage]:
    """The passages with times, one after the other between start and end, each as long as its share of the characters."""
    total = sum(len(passage.text) for passage in passages)
    done, timed = 0, []
    for passage in passages:
        begin = start_s + (end_s - start_s) * done / total
        done += len(passage.text)
        timed.append(replace(passage, start_s=begin, end_s=start_s + (end_s - start_s) * done / total))
    return timed


def _timed(passages: list[Passage], duration_s: float | None) -> list[Segment]:
    if all(passage.start_s is None for passage in passages):
        if duration_s is None:
            return [Segment(start_s=0.0, end_s=0.0, text=" ".join(passage.text for passage in passages))]
        passages = spread(passages, 0.0, duration_s)
    return [
        Segment(start_s=round(passage.start_s or 0.0, 3), end_s=round(passage.end_s or 0.0, 3), speaker=passage.speaker, text=passage.text)
        for passage in _between_anchors(passages, duration_s)
    ]


def _between_anchors(passages: list[Passage], duration_s: float | None) -> list[Passage]:
    """Passages without a start share the time up to the next one that has one; missing ends are the next start."""
    anchors = [index for index, passage in enumerate(passages) if passage.start_s is not None]
    if anchors[0] != 0:
        passages = [replace(passages[0], start_s=0.0), *passages[1:]]
        anchors.insert(0, 0)
    timed: list[Passage] = []
    for first, following in pairwise([*anchors, len(passages)]):
        group = passages[first:following]
        start = group[0].start_s or 0.0
        if following < len(passages):
            limit = max(passages[following].start_s or 0.0, start)
        else:
            words = sum(len(passage.text.split()) for passage in group)
            limit = start + words / WORDS_A_SECOND
            limit = max(min(limit, duration_s), start) if duration_s is not None else limit
        if len(group) == 1:
            end = group[0].end_s if group[0].end_s is not None else limit
            timed.append(replace(group[0], end_s=max(end, start)))
        else:
            timed += spread(group, start, limit)
    return timed


_READERS = {
    "text/vtt": _cues,
    "application/srt": _cues,
    "application/json": _json,
    "text/html": _html,
    "text/plain": _plain,
}
"""By the media types that feeds are reduced to."""
