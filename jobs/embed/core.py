"""Timed chunks of a transcript, and the vector of an episode."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

SENTENCE_END = re.compile(r"[.!?…]+[\"'\u201d\u2019)\]]*(?=\s)")
WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Speech:
    """The words of an episode and where they lie in its audio."""

    text: str
    starts: tuple[int, ...] = ()
    """First character of each segment in `text`; none where the transcript has no times."""
    ends: tuple[int, ...] = ()
    times_s: tuple[tuple[float, float], ...] = ()
    turns: tuple[int, ...] = ()
    """Characters at which another speaker begins."""

    def start_s(self, character: int) -> float | None:
        """When the word at this character begins, in seconds; a segment's words are taken as evenly spread."""
        if not self.starts:
            return None
        return self._time(max(bisect_right(self.starts, character) - 1, 0), character)

    def end_s(self, character: int) -> float | None:
        """When the word that ends before this character ends, in seconds."""
        if not self.starts:
            return None
        return self._time(max(bisect_left(self.starts, character) - 1, 0), character)

    def _time(self, segment: int, character: int) -> float:
        start_s, end_s = self.times_s[segment]
        length = self.ends[segment] - self.starts[segment]
        share = min(max((character - self.starts[segment]) / length, 0.0), 1.0)
        return start_s + share * (end_s - start_s)


@dataclass(frozen=True)
class Chunk:
    """A stretch of an episode that an encoder reads at once; times in seconds, None without timed segments."""

    start_s: float | None
    end_s: float | None
    text: str


def speech(text: str, segments: Sequence[Mapping[str, Any]]) -> Speech:
    """The segments' words as one text with their times, or `text` without times where no segment holds a word."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    times: list[tuple[float, float]] = []
    turns: list[int] = []
    length, latest_s, speaker = 0, 0.0, None
    for segment in segments:
        words = " ".join(segment["text"].split())
        if not words:
            continue
        # Publishers' cues overlap now and then; a chunk must not end before it begins.
        start_s = max(segment["start_s"], latest_s)
        latest_s = max(segment["end_s"], start_s)
        starts.append(length)
        ends.append(length + len(words))
        times.append((start_s, latest_s))
        if parts and segment["speaker"] != speaker:
            turns.append(length)
        speaker = segment["speaker"]
        parts.append(words)
        length += len(words) + 1
    if not parts:
        return Speech(" ".join(text.split()))
    return Speech(" ".join(parts), tuple(starts), tuple(ends), tuple(times), tuple(turns))


def chunks(spoken: Speech, tokens: NDArray[np.int64], max_tokens: int, overlap_tokens: int) -> list[Chunk]:
    """The speech in order, in chunks of at most `max_tokens` tokens that together hold every token.

    `tokens` are the characters [start, end) of each token. Chunks end where sentences end; a sentence that alone is longer is cut
    between words, a word that alone is longer between tokens. Each chunk repeats the last whole pieces of the one before,
    up to `overlap_tokens`.
    """
    pieces = _pieces(spoken, tokens, max_tokens, max(overlap_tokens, 1))
    found: list[Chunk] = []
    first = 0
    while first < len(pieces):
        last = first
        while last + 1 < len(pieces) and pieces[last + 1][1] - pieces[first][0] <= max_tokens:
            last += 1
        begin, end = int(tokens[pieces[first][0], 0]), int(tokens[pieces[last][1] - 1, 1])
        found.append(Chunk(spoken.start_s(begin), spoken.end_s(end), spoken.text[begin:end]))
        following = last + 1
        if following == len(pieces):
            break
        budget = min(overlap_tokens, max_tokens - (pieces[following][1] - pieces[following][0]))
        repeated = following
        while repeated - 1 > first and pieces[last][1] - pieces[repeated - 1][0] <= budget:
            repeated -= 1
        first = repeated
    return found


def pool(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the chunks' vectors, as a unit vector."""
    mean = vectors.astype(np.float64).mean(axis=0)
    unit: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return unit


def _pieces(spoken: Speech, tokens: NDArray[np.int64], max_tokens: int, short: int) -> list[tuple[int, int]]:
    """Token ranges that a chunk takes whole: sentences, and parts of those that are longer than a chunk."""
    starts = tokens[:, 0]
    cuts = {match.end() for match in SENTENCE_END.finditer(spoken.text)} | set(spoken.turns)
    found: list[tuple[int, int]] = []
    for first, last in _ranges(starts, cuts):
        if last - first <= max_tokens:
            found.append((first, last))
            continue
        # Short parts, so that neighbouring chunks can overlap inside the long sentence too.
        begin = first
        words = {match.start() for match in WORD.finditer(spoken.text, int(starts[first]), int(tokens[last - 1, 1]))}
        for word_first, word_last in _ranges(starts[first:last], words):
            word_end = first + word_last
            if word_end - begin > short and first + word_first > begin:
                found.append((begin, first + word_first))
                begin = first + word_first
            while word_end - begin > max_tokens:
                found.append((begin, begin + max_tokens))
                begin += max_tokens
        found.append((begin, last))
    return found


def _ranges(starts: NDArray[np.int64], cuts: set[int]) -> list[tuple[int, int]]:
    """The tokens between two neighbouring cuts, as ranges that are not empty."""
    edges = sorted({0, len(starts), *np.searchsorted(starts, sorted(cuts), side="left").tolist()})
    return list(pairwise(edges))
