"""Timed cues from a Markdown transcript with bold speakers and sparse time marks."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from demo.samples.shows import NOT_SPEAKERS, SPEAKER_ALIASES

SECONDS_PER_WORD = 60 / 150
"""Pace where no mark says otherwise."""

SLOWEST_SECONDS_PER_WORD = 60 / 100
"""Between two marks nobody talks slower than this: the rest of the time is music or an advertisement."""

FASTEST_SECONDS_PER_WORD = 60 / 360
"""A mark that would need faster speech than this is a slip of the pen."""

MAX_CUE_S = 20.0
MAX_CUE_CHARS = 280
MAX_CUE_SENTENCES = 3


@dataclass(frozen=True)
class Cue:
    """Words of one speaker, with start and end in seconds from the beginning of the episode."""

    start_s: float
    end_s: float
    speaker: str
    text: str


@dataclass(frozen=True)
class _Paragraph:
    speaker: str
    first: int
    """Index of its first word in the episode."""
    words: tuple[str, ...]


_SPEAKER = re.compile(r"^[\d\s]{0,3}\*\*(?P<name>[^*\\]+?)\s*:?\s*\*\*\s*:?\s*(?P<text>.*)$")
_MARK = re.compile(r"\\?\[(?:(?P<h>0?[1-9]):)?(?P<m>\d{1,2}):(?P<s>\d{2})(?:\.\d+)?\\?\]")
_SOUND = re.compile(
    r"\\?\[[^\][]*(?:laugh|unintelligible|singing|song|drum roll|music|ringing|\bpause|whisper|gasp|exhale|cricket|applause|chuckle"
    r"|insert target|expletive|\\\d\d:)[^\][]*(?:[\][](?!\()|$)",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?<!\\)\[([^\]]*)\]\([^)]*\)")
_BRACKETS = re.compile(r"\\?\[([^\]\\]*)\\?\]")
_ESCAPE = re.compile(r"\\([*#_\[\]\\])")
_LONE_PUNCTUATION = re.compile(r"\s+([,.;:!?]+)(?=\s|$)")
_MARK_WORD = "\0"
_SENTENCE_END = re.compile(r"[.!?…]+[\"'\u201d\u2019)]*$")
_ABBREVIATION = re.compile(r"^[\"'“(]*(?:Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|No|Inc|[A-Z])\.$")
_CLAUSE_END = re.compile(r"(?:[,;:]|--|[-\u2013\u2014])$")


def cues_from_markdown(markdown: str) -> list[Cue]:
    """Cues in order of time, each of one speaker, at most 3 sentences, 280 characters and 20 seconds."""
    paragraphs, marks = _read(markdown)
    count = sum(len(paragraph.words) for paragraph in paragraphs)
    starts, ends = _word_times(count, marks)
    cues = []
    for paragraph in paragraphs:
        for begin, end in _packed(paragraph, starts, ends):
            text = " ".join(paragraph.words[begin:end])
            cues.append(Cue(starts[paragraph.first + begin], ends[paragraph.first + end - 1], paragraph.speaker, text))
    return cues


def _read(markdown: str) -> tuple[list[_Paragraph], list[tuple[int, float]]]:
    """The spoken paragraphs, and (word index, seconds) of each time mark."""
    paragraphs: list[_Paragraph] = []
    marks: list[tuple[int, float]] = []
    speaker, position = "", 0
    for line in markdown.splitlines():
        opening = _SPEAKER.match(line)
        if opening:
            name = opening["name"].strip()
            speaker = SPEAKER_ALIASES.get(name, name)
        words: list[str] = []
        for word in _plain(opening["text"] if opening else line).split():
            if word.startswith(_MARK_WORD):
                marks.append((position + len(words), float(word[1:])))
            elif speaker and speaker not in NOT_SPEAKERS:
                words.append(word)
        if any(character.isalnum() for word in words for character in word):
            paragraphs.append(_Paragraph(speaker, position, tuple(words)))
            position += len(words)
    return paragraphs, marks


def _plain(text: str) -> str:
    """The text without Markdown and sound descriptions; a time mark becomes a word of its own."""
    text = _MARK.sub(lambda m: f" {_MARK_WORD}{int(m['h'] or 0) * 3600 + int(m['m']) * 60 + int(m['s'])} ", text)
    text = _SOUND.sub(" ", text)
    text = _LINK.sub(r"\1", text)
    text = _BRACKETS.sub(r"\1", text)
    text = html.unescape(_ESCAPE.sub(r"\1", text)).replace("`", "")
    return _LONE_PUNCTUATION.sub(r"\1", text)


def _word_times(count: int, marks: list[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Start and end of each word in seconds, linear between believable marks."""
    anchors = [(0, 0.0)]
    for index, second in marks:
        words, elapsed_s = index - anchors[-1][0], second - anchors[-1][1]
        if words >= 0 and elapsed_s > 0 and elapsed_s >= words * FASTEST_SECONDS_PER_WORD:
            anchors.append((index, second))
    starts: list[float] = []
    ends: list[float] = []
    paces = [min((s1 - s0) / max(i1 - i0, 1), SLOWEST_SECONDS_PER_WORD) for (i0, s0), (i1, s1) in pairwise(anchors)]
    for (first, second), pace, last in zip(anchors, [*paces, SECONDS_PER_WORD], [*(i for i, _ in anchors[1:]), count], strict=True):
        starts += [second + pace * offset for offset in range(last - first)]
        ends += [second + pace * (offset + 1) for offset in range(last - first)]
    return starts, ends


def _packed(paragraph: _Paragraph, starts: list[float], ends: list[float]) -> Iterator[tuple[int, int]]:
    """Word spans of the paragraph's cues: whole sentences together where they fit."""

    def fits(begin: int, end: int) -> bool:
        length = sum(map(len, paragraph.words[begin:end])) + end - begin - 1
        return length <= MAX_CUE_CHARS and ends[paragraph.first + end - 1] - starts[paragraph.first + begin] <= MAX_CUE_S

    cue: tuple[int, int] | None = None
    held = 0
    for begin, end in _sentence_spans(paragraph.words):
        if cue and held < MAX_CUE_SENTENCES and fits(cue[0], end):
            cue, held = (cue[0], end), held + 1
            continue
        if cue:
            yield cue
        rest = begin
        while not fits(rest, end):
            cut = rest + 1
            while fits(rest, cut + 1):
                cut += 1
            cut = next((at for at in range(cut, rest + (cut - rest) // 2, -1) if _CLAUSE_END.search(paragraph.words[at - 1])), cut)
            yield rest, cut
            rest = cut
        cue, held = (rest, end), 1
    if cue:
        yield cue


def _sentence_spans(words: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    begin = 0
    for at, word in enumerate(words, start=1):
        following = words[at] if at < len(words) else ""
        if not following or (
            _SENTENCE_END.search(word) and not _ABBREVIATION.match(word) and not following.lstrip("\"'“(.").startswith(tuple("abcdefghijklmnopqrstuvwxyz"))
        ):
            yield begin, at
            begin = at
