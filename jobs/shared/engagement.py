"""What listening means in numbers: the one place of weights and definitions, for streaming, training, lists and dashboard.

Expressions are SQL text that Spark and DuckDB both take, so that the meaning is written once; `score` is the same in Python.
"""

from collections.abc import Mapping
from datetime import date

WEIGHTS = {"plays": 1.0, "pauses": 0.0, "skips": -2.0, "completes": 3.0, "likes": 4.0}
"""Worth of each counted act of one listener with one episode on one day. A skip is evidence against, not zero."""

CAPS = {"plays": 3, "pauses": 3, "skips": 3, "completes": 2, "likes": 1}
"""How many of each act count in a day: the tenth resume says no more than the third."""

RATING_NEUTRAL = 3
RATING_WEIGHT = 2.0
"""Worth of each star above or below neutral: 5 stars add 4, 1 star takes 4 away."""

HEARD_S = 60.0
"""Seconds of listening from which an episode counts as heard (the 60 s after which large platforms count a stream)."""

COUNT_BY_KIND = {"play": "plays", "pause": "pauses", "skip": "skips", "complete": "completes", "like": "likes"}
"""Column of user_vs_episode_daily that counts each kind of event; `rate` fills `rating` instead."""

ENGAGEMENT_SQL = " + ".join(
    [
        *(f"least({name}, {CAPS[name]}) * CAST({weight} AS DOUBLE)" for name, weight in WEIGHTS.items() if weight),
        f"coalesce((rating - {RATING_NEUTRAL}) * CAST({RATING_WEIGHT} AS DOUBLE), 0.0)",
    ]
)
"""Engagement of a row of user_vs_episode_daily, from about -10 (skipped, one star) to 20."""

HEARD_SQL = f"(completes > 0 OR likes > 0 OR rating IS NOT NULL OR listened_s >= {HEARD_S})"
"""Whether a row of counts is enough to call the episode heard."""

USED_UP_SQL = f"({HEARD_SQL} OR skips > 0)"
"""Whether the episode is not to be recommended to that listener again: heard, or refused."""


def score(counts: Mapping[str, int], rating: int | None) -> float:
    """Engagement of one listener with one episode on one day."""
    total = sum(weight * min(counts.get(name, 0), CAPS[name]) for name, weight in WEIGHTS.items())
    return total + (RATING_WEIGHT * (rating - RATING_NEUTRAL) if rating is not None else 0.0)


def used_up(counts: Mapping[str, float], rating: int | None, listened_s: float) -> bool:
    """USED_UP_SQL in Python."""
    heard = counts["completes"] > 0 or counts["likes"] > 0 or rating is not None or listened_s >= HEARD_S
    return heard or counts["skips"] > 0


def recency(day: date, as_of: date, half_life_days: float) -> float:
    """What engagement of `day` is still worth on `as_of`: 1 for today, half as much after each half-life."""
    return float(0.5 ** ((as_of - day).days / half_life_days))
