"""What a generation is trained on: which days, worth how much."""

from collections.abc import Iterable, Mapping
from datetime import date

from jobs.shared.engagement import recency


def split_day(rows_by_day: Mapping[date, int], share: float) -> date | None:
    """The day from which on about `share` of the rows lie, with at least one day before it; None where all rows are of one day."""
    total = sum(rows_by_day.values())
    best: date | None = None
    nearest = 1.0
    since = 0
    for day in sorted(rows_by_day, reverse=True)[:-1]:
        since += rows_by_day[day]
        distance = abs(since / total - share)
        if distance < nearest:
            best, nearest = day, distance
    return best


def day_weights(days: Iterable[date], half_life_days: float, before: date | None = None) -> dict[date, float]:
    """What engagement of each day is worth, seen from the newest day; days from `before` on are left out."""
    known = [day for day in days if before is None or day < before]
    return {day: recency(day, max(known), half_life_days) for day in known}
