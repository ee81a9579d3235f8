"""The Search page: terms of a query, one ranking from two, the sentence to land on."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Key = tuple[str, int]
"""episode_id and chunk_index of a passage."""

RANK_CONSTANT = 60
"""Reciprocal rank fusion's constant (Cormack, Clarke and Buettcher 2009): how little the first ranks stand out."""
NEAR = 0.25
"""Cosine under which a passage has, in MiniLM's space, nothing to do with a query; without it any query would find something."""
AN_EPISODE = 3
"""Most passages that one episode may fill of a result."""
FILLERS = frozenset(
    {
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "do",
        "does",
        "did",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "our",
        "so",
        "than",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "you",
        "your",
    }
)


@dataclass(frozen=True)
class Hit:
    """A place in an episode that answers a query."""

    episode_id: str
    title: str
    podcast: str
    audio_url: str
    start_s: float
    before: str
    sentence: str
    after: str
    found_by: str


def terms(query: str) -> list[str]:
    """The words to look for, lower case, each once; fillers only where there is nothing else."""
    words = list(dict.fromkeys(re.findall(r"[^\W_]+", query.lower())))
    telling = [word for word in words if word not in FILLERS]
    return telling or words


def fuse(rankings: Sequence[Sequence[Key]], limit: int) -> list[Key]:
    """One ranking by the sum of 1 / (constant + rank) over those that hold a passage, ties by key; no episode fills more than its part."""
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (RANK_CONSTANT + rank)
    chosen: list[Key] = []
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if sum(episode == key[0] for episode, _ in chosen) < AN_EPISODE:
            chosen.append(key)
        if len(chosen) == limit:
            break
    return chosen


def matches(text: str, wanted: Sequence[str]) -> int:
    """How many different terms begin a word of the text."""
    words = re.findall(r"[^\W_]+", text.lower())
    return sum(any(word == term or (len(term) >= 4 and word.startswith(term)) for word in words) for term in wanted)


def landing(sentences: Sequence[dict[str, Any]], wanted: Sequence[str], cosine: Callable[[Sequence[str]], NDArray[np.float32]] | None) -> int | None:
    """Position of the sentence with most terms, the earliest of equals; where none holds a term, of the one nearest in meaning."""
    if not sentences:
        return None
    counts = [matches(sentence["text"], wanted) for sentence in sentences]
    if max(counts):
        return counts.index(max(counts))
    if cosine is None:
        return 0
    return int(np.argmax(cosine([sentence["text"] for sentence in sentences])))


def hit(passage: dict[str, Any], wanted: Sequence[str], cosine: Callable[[Sequence[str]], NDArray[np.float32]] | None) -> Hit:
    """The passage as a place to land on: its best sentence with one neighbour on each side, else its beginning."""
    sentences = passage["sentences"] or []
    position = landing(sentences, wanted, cosine)
    if position is None:
        before, sentence, after, start_s = "", passage["text"][:300], "", passage["start_s"]
    else:
        before = sentences[position - 1]["text"] if position else ""
        sentence, start_s = sentences[position]["text"], sentences[position]["start_s"]
        after = sentences[position + 1]["text"] if position + 1 < len(sentences) else ""
    return Hit(
        episode_id=passage["episode_id"],
        title=passage["title"],
        podcast=passage["podcast"],
        audio_url=passage["audio_url"],
        start_s=start_s,
        before=before.strip(),
        sentence=sentence.strip(),
        after=after.strip(),
        found_by="words" if matches(passage["text"], wanted) else "meaning",
    )
