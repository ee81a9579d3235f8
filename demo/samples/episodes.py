"""What the feeds say about an episode: who speaks, and what about."""

import math
import re
import textwrap
from collections import Counter

from demo.samples.cues import Cue

MIN_SPOKEN_WORDS = 100
"""Whoever says less is a voice from the audience or a clip, and is not named."""

MAX_NAMED = 4
QUOTED_CHARS = 240
OPENING_SHARE = 0.15
"""The part of an episode in which it says what it is about."""

ANNOUNCEMENT_BONUS = 1.5
"""How much more a passage counts that says what the show is about."""

_ANNOUNCEMENT = re.compile(r"\b(?:today|talk(?:ing)? about|topic|this episode|conversation|discuss|the show)\b", re.IGNORECASE)
_SMALL_TALK = re.compile(
    r"\b(?:how are you|how's it going|thanks? (?:you|for|to)|sponsor|patreon|slack|welcome|glad to|happy to|good to be|hello)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z][a-z+#'-]{3,}")


def speakers(cues: list[Cue]) -> list[str]:
    """Those who say 100 words or more, the most talkative first."""
    spoken: Counter[str] = Counter()
    for cue in cues:
        spoken[cue.speaker] += len(cue.text.split())
    return [name for name, count in spoken.most_common() if count >= MIN_SPOKEN_WORDS]


def listed(names: list[str]) -> str:
    """Up to four names in a sentence; of more, three "and others"."""
    shown = names if len(names) <= MAX_NAMED else [*names[: MAX_NAMED - 1], "others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def description(cues: list[Cue], hosts: list[str], guests: list[str], seen_in: Counter[str], episodes: int) -> str:
    """Who speaks, and the passage of the opening that is richest in this episode's own words.

    `seen_in` counts in how many of the `episodes` each word occurs.
    """
    if guests and hosts:
        who = f"{listed(hosts)} {'talk' if len(hosts) > 1 else 'talks'} with {listed(guests)}."
    else:
        who = f"{listed(hosts or guests)} in conversation."
    spoken = words(cues)
    weights = {word: math.log1p(count) * math.log(episodes / seen_in[word]) for word, count in spoken.items() if count > 1}
    passage = max(_passages(cues), key=lambda text: _richness(text, weights))
    return f"{who} “{textwrap.shorten(passage, QUOTED_CHARS, placeholder='…')}”"


def words(cues: list[Cue]) -> Counter[str]:
    """How often each word of four letters and more is said, in lower case."""
    return Counter(_WORD.findall(" ".join(cue.text for cue in cues).lower()))


def _passages(cues: list[Cue]) -> list[str]:
    """What one voice says in a row in the opening, from each sentence start on, long enough to quote."""
    opening = [cue for cue in cues if cue.start_s <= cues[-1].end_s * OPENING_SHARE]
    passages = []
    for at, first in enumerate(opening):
        following = next((later for later, cue in enumerate(opening[at:], start=at) if cue.speaker != first.speaker), len(opening))
        passages.append(" ".join(cue.text for cue in opening[at : min(following, at + 3)]))
    return passages


def _richness(passage: str, weights: dict[str, float]) -> float:
    quoted = passage[:QUOTED_CHARS]
    if _SMALL_TALK.search(quoted) or not quoted[0].isupper():
        return 0.0
    total = sum(weights.get(word, 0.0) for word in set(_WORD.findall(quoted.lower())))
    return total * (ANNOUNCEMENT_BONUS if _ANNOUNCEMENT.search(quoted) else 1.0)
