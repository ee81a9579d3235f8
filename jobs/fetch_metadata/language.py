"""Which language a feed is in: its own tag where that is one, else what its words look like."""

import re
from functools import cache
from typing import Any

from jobs.fetch_metadata.feed import Feed

MIN_LETTERS = 20
"""Fewer letters are too little evidence."""
MIN_CONFIDENCE = 0.5
SAMPLE_ITEMS = 5
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*")
UNDETERMINED = frozenset({"und", "mul", "zxx", "mis", "xx"})


def feed_language(feed: Feed) -> str:
    """The feed's language tag; detected from titles and descriptions where the tag is missing or no tag, empty where that fails."""
    tag = feed.language
    if _TAG.fullmatch(tag) and primary(tag) not in UNDETERMINED:
        return tag
    words = [feed.title, feed.description]
    for item in feed.items[:SAMPLE_ITEMS]:
        words += [item.title, item.description[:500]]
    return detect(" ".join(words))


def primary(tag: str) -> str:
    """The language of a tag without region and script: `en` of `en-us`."""
    return tag.split("-", 1)[0].lower()


def detect(text: str) -> str:
    """The most likely language of the text, empty where there is too little of it or no clear winner."""
    if sum(character.isalpha() for character in text) < MIN_LETTERS:
        return ""
    language, confidence = _identifier().classify(text[:5_000])
    return str(language) if confidence >= MIN_CONFIDENCE else ""


@cache
def _identifier() -> Any:
    # Loading takes a quarter of a second: only feeds without a tag pay it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
