"""How planted listeners behave: tastes, choices, positions and times, from random numbers that are passed in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray

from jobs.shared.models import EventKind, UserEvent

Floats = NDArray[np.floating[Any]]

ASSUMED_DURATION_S = 1800.0
"""Length of an episode whose feed does not say it."""
LONGEST_S = 86_400.0
LIKED = 20
"""Length of the planted list of favourite episodes."""
TOPIC_SHARE = 0.75
"""Share of an episode's appeal that comes from its topics; the rest from being of a favourite show."""
CHOOSY = 4.0
"""Exponent of appeal in the choice of an episode: the best one is e^4 times as likely as one without appeal."""
FRESH_DAYS = 7.0
"""Mean life of the interest that a new episode draws."""
CURIOSITY = 0.1
"""Share of choices that follow no taste at all."""
HEARD_AGAIN = 0.03
"""Weight of an episode that was played already."""
BUSY_HOURS = np.array([1, 1, 1, 1, 1, 2, 6, 9, 8, 5, 4, 5, 6, 5, 4, 4, 6, 9, 9, 7, 6, 5, 3, 2], dtype=float)
"""Relative listening by hour of the day: commutes and lunch."""


@dataclass(frozen=True)
class Catalogue:
    """What can be listened to; arrays are in the order of `episode_ids`."""

    episode_ids: Sequence[str]
    podcast_ids: Sequence[str]
    durations_s: Floats
    published: Floats
    """Unix time; NaN where unknown."""
    popularity: Floats
    """Weight of each episode in everybody's choice."""


@dataclass(frozen=True)
class Taste:
    """What one listener likes."""

    user_id: str
    topics: tuple[str, ...]
    favourite_podcast_ids: tuple[str, ...]
    patience: float
    """0 to 1: share of an episode that is heard before the listener gives up on it."""


def popularity(count: int, rng: np.random.Generator) -> Floats:
    """A Zipf-like weight for each of `count` things, in random order."""
    weights: Floats = (rng.permutation(count) + 1.0) ** -0.7
    return weights


def user_id(number: int) -> str:
    return f"listener-{number:05d}"


def taste(user: str, topics: Sequence[str], podcasts: Sequence[str], rng: np.random.Generator) -> Taste:
    """A new listener: one to three topics, one or two shows, some patience."""
    return Taste(
        user_id=user,
        topics=_some(topics, 3, rng),
        favourite_podcast_ids=_some(podcasts, 2, rng),
        patience=round(float(np.clip(rng.beta(3, 3), 0.1, 0.95)), 3),
    )


def _some(things: Sequence[str], most: int, rng: np.random.Generator) -> tuple[str, ...]:
    count = min(len(things), int(rng.integers(1, most + 1)))
    return tuple(things[index] for index in rng.permutation(len(things))[:count])


def appeal(who: Taste, catalogue: Catalogue, affinity: Floats) -> Floats:
    """How much the listener likes each episode, 0 to 1; `affinity` has a column for each of the listener's topics."""
    favourite = np.isin(np.asarray(catalogue.podcast_ids), who.favourite_podcast_ids)
    about = affinity.max(axis=1) if affinity.shape[1] else np.zeros(len(catalogue.episode_ids))
    result: Floats = TOPIC_SHARE * about + (1 - TOPIC_SHARE) * favourite
    return result


def liked(appeals: Floats, catalogue: Catalogue) -> list[str]:
    """The episodes that are liked best, best first."""
    order = sorted(range(len(appeals)), key=lambda index: (-appeals[index], catalogue.episode_ids[index]))
    return [catalogue.episode_ids[index] for index in order[:LIKED] if appeals[index] > 0]


def live(
    who: Taste, appeals: Floats, catalogue: Catalogue, *, begin: datetime, end: datetime, sessions: float, wave: str, rng: np.random.Generator
) -> Iterator[UserEvent]:
    """The listener's events between `begin` and `end`, in order; ids depend on wave, user and sequence alone."""
    heard = np.zeros(len(catalogue.episode_ids), dtype=bool)
    sequence = 0
    free_from = begin
    # At least one sitting: a listener who never comes is none.
    for sitting in sorted(_start(begin, end, rng) for _ in range(max(1, rng.poisson(sessions)))):
        now = max(sitting, free_from)
        for _ in range(int(rng.integers(1, 4))):
            index = choose(appeals, catalogue, heard, now, rng)
            if index is None:
                break
            heard[index] = True
            for kind, position_s, rating, after_s in listen(float(appeals[index]), who.patience, float(catalogue.durations_s[index]), rng):
                now += timedelta(seconds=after_s)
                if now > end:
                    return
                yield UserEvent(
                    event_id=str(uuid5(NAMESPACE_URL, f"{wave}/{who.user_id}/{sequence}")),
                    user_id=who.user_id,
                    episode_id=catalogue.episode_ids[index],
                    kind=kind,
                    rating=rating,
                    position_s=position_s,
                    ts=now,
                )
                sequence += 1
            now += timedelta(seconds=float(rng.uniform(5, 120)))
        free_from = now


def choose(appeals: Floats, catalogue: Catalogue, heard: NDArray[np.bool_], now: datetime, rng: np.random.Generator) -> int | None:
    """The next episode: by appeal, popularity and novelty, rarely one that was heard; none where none is out yet."""
    age_days = (now.timestamp() - catalogue.published) / 86_400
    out = ~(age_days < 0)
    if not out.any():
        return None
    weights = out * np.where(heard, HEARD_AGAIN, 1.0)
    if rng.random() >= CURIOSITY:
        fresh = 1 + np.nan_to_num(2 * np.exp(-np.clip(age_days, 0, None) / FRESH_DAYS))
        weights = weights * np.exp(CHOOSY * appeals) * catalogue.popularity * fresh
    return int(rng.choice(len(weights), p=weights / weights.sum()))


def listen(liking: float, patience: float, duration_s: float, rng: np.random.Generator) -> Iterator[tuple[EventKind, float, int | None, float]]:
    """One episode as (kind, position, rating, seconds since the act before): play first, every position inside the episode."""
    interest = float(np.clip(liking + rng.normal(0, 0.15), 0, 1))
    finishes = rng.random() < 1 / (1 + np.exp(-8 * (interest - 0.4)))
    leave_s = duration_s if finishes else duration_s * float(np.clip(patience * (0.1 + interest) + rng.normal(0, 0.05), 0.01, 0.95))
    at_s = 0.0
    yield EventKind.PLAY, at_s, None, 1.0
    while rng.random() < 0.25 and leave_s - at_s > 60:
        stop_s = float(rng.uniform(at_s, leave_s))
        yield EventKind.PAUSE, _position(stop_s), None, 1 + stop_s - at_s
        yield EventKind.PLAY, _position(stop_s), None, float(rng.exponential(600)) + 1
        at_s = stop_s
    gives_up = rng.random() < 1 - 0.8 * interest
    ending = EventKind.COMPLETE if finishes else EventKind.SKIP if gives_up else EventKind.PAUSE
    yield ending, _position(leave_s), None, 1 + leave_s - at_s
    likes = ending is not EventKind.SKIP and rng.random() < 0.6 * interest**2
    if likes:
        yield EventKind.LIKE, _position(leave_s), None, 2.0
    if rng.random() < (0.25 if ending is EventKind.COMPLETE or likes else 0.08):
        yield EventKind.RATE, _position(leave_s), int(np.clip(round(1 + 4.5 * interest + rng.normal(0, 0.5)), 1, 5)), 3.0


def _position(position_s: float) -> float:
    return round(position_s, 1)


def _start(begin: datetime, end: datetime, rng: np.random.Generator) -> datetime:
    moment = begin + (end - begin) * float(rng.random())
    if end - begin < timedelta(days=2):
        return moment
    hour = int(rng.choice(24, p=BUSY_HOURS / BUSY_HOURS.sum()))
    return min(max(moment.replace(hour=hour), begin), end)
