"""How good lists are against what was heard afterwards, and what follows from it."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from jobs.shared.documents import DEFAULT_USER
from jobs.shared.generations import PROMOTED, REFUSED, UNTESTED

K = 10
"""Entries of a list that count: a screen."""

Lists: TypeAlias = Mapping[str, Sequence[str]]
"""Episodes by listener, best first."""
Sets: TypeAlias = Mapping[str, Collection[str]]
NOTHING: Sets = MappingProxyType({})


def ndcg(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """nDCG@10 with gains of 0 and 1 (Järvelin and Kekäläinen 2002): 1 where the first entries are all relevant."""
    gained = sum(1 / math.log2(place + 2) for place, episode in enumerate(ranked[:K]) if episode in relevant)
    return gained / sum(1 / math.log2(place + 2) for place in range(min(K, len(relevant))))


def recall(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """Share of the relevant episodes that are among the first 10."""
    return len(set(ranked[:K]) & set(relevant)) / len(relevant)


@dataclass(frozen=True)
class Scores:
    """What one way of making lists reaches."""

    ndcg: tuple[float, ...]
    """nDCG@10 of each listener, in order of ids."""
    recall: float
    cold_recall: float | None
    """Recall@10 among episodes that nobody had engaged with before the split; None where none was heard afterwards."""
    coverage: float
    """Share of the recommendable episodes that are on anybody's first 10."""

    @property
    def mean_ndcg(self) -> float:
        return float(np.mean(self.ndcg))


def scores(lists: Lists, relevant: Sets, *, cold: Collection[str], candidates: Collection[str]) -> Scores:
    """Measure `lists` on the listeners of `relevant`."""
    users = sorted(relevant)
    cold_relevant = {user: set(relevant[user]) & set(cold) for user in users}
    cold_recalls = [recall(lists[user], cold_relevant[user]) for user in users if cold_relevant[user]]
    covered = {episode for ranked in lists.values() for episode in ranked[:K]} & set(candidates)
    return Scores(
        ndcg=tuple(ndcg(lists[user], relevant[user]) for user in users),
        recall=float(np.mean([recall(lists[user], relevant[user]) for user in users])),
        cold_recall=float(np.mean(cold_recalls)) if cold_recalls else None,
        coverage=len(covered) / max(1, len(candidates)),
    )


def served(lists: Lists, users: Iterable[str], used_up: Sets = NOTHING) -> dict[str, list[str]]:
    """What each listener would be shown: their own list, else everybody's; less what they used up."""
    everybody = lists.get(DEFAULT_USER, ())
    return {user: _first(lists.get(user, everybody), used_up.get(user, ())) for user in users}


def most_popular(engagement: Mapping[str, float], users: Iterable[str], used_up: Sets) -> dict[str, list[str]]:
    """The baseline: everybody is shown the episodes with the most engagement, less what they used up; ties by id."""
    ranked = sorted(engagement, key=lambda episode: (-engagement[episode], episode))
    return served({DEFAULT_USER: ranked}, users, used_up)


def interval(values: Sequence[float], resamples: int, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over listeners (Efron 1979, percentile method)."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.quantile(np.asarray(values)[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class Verdict:
    """Whether the generation goes live, and why."""

    name: str
    reason: str


def untested(reason: str) -> Verdict:
    """The verdict on a generation that nothing could be measured of."""
    return Verdict(UNTESTED, reason)


def judge(
    new: Scores,
    popularity: Scores,
    live: Scores | None,
    *,
    max_ndcg_loss: float,
    max_coverage_loss: float,
    resamples: int,
    seed: int,
) -> Verdict:
    """Refuse what is clearly worse than the live generation; without a live one something beats nothing.

    Clearly: by more than the tolerance, and the bootstrap interval of the paired difference is wholly below zero. Losing clearly to
    popularity refuses as well, unless the live generation loses more.
    """

    def clearly_below(other: Scores) -> bool:
        difference = np.subtract(new.ndcg, other.ndcg)
        _, high = interval([float(value) for value in difference], resamples, seed)
        return float(difference.mean()) < -max_ndcg_loss * other.mean_ndcg and high < 0

    beaten = clearly_below(popularity)
    against_popularity = f"nDCG@{K} {new.mean_ndcg:.4f} is clearly below popularity's {popularity.mean_ndcg:.4f}"
    if live is None:
        return Verdict(PROMOTED, f"first generation; {against_popularity}" if beaten else "first generation")
    if clearly_below(live):
        return Verdict(REFUSED, f"nDCG@{K} {new.mean_ndcg:.4f} is clearly below the live generation's {live.mean_ndcg:.4f}")
    if new.coverage < live.coverage * (1 - max_coverage_loss):
        return Verdict(REFUSED, f"coverage {new.coverage:.3f} shrank by more than {max_coverage_loss:.0%} from the live generation's {live.coverage:.3f}")
    if beaten and new.mean_ndcg < live.mean_ndcg:
        return Verdict(REFUSED, against_popularity)
    return Verdict(PROMOTED, "not clearly worse than the live generation")


def table(names: Sequence[str], rows: Sequence[Sequence[float | None]], heads: Sequence[str]) -> str:
    """Figures beside each other, for people."""
    width = max(len(name) for name in names)
    lines = [" " * width + "".join(f"{head:>13}" for head in heads)]
    lines += [
        f"{name:<{width}}" + "".join(f"{'-' if value is None else format(value, '.4f'):>13}" for value in row) for name, row in zip(names, rows, strict=True)
    ]
    return "\n".join(lines)


def _first(ranked: Sequence[str], excluded: Collection[str]) -> list[str]:
    kept: list[str] = []
    for episode in ranked:
        if episode not in excluded:
            kept.append(episode)
            if len(kept) == K:
                break
    return kept
