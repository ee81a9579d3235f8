"""Generations of the recommender: ids that sort by time, and the twin that only saw events before the split."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

TWIN_SUFFIX = ".backtest"

PROMOTED = "promoted"
UNTESTED = "promoted-untested"
REFUSED = "refused"
VERDICTS_OF_THE_LIVE = (PROMOTED, UNTESTED)
"""Verdicts of `evaluations` with which a generation goes live."""


def generation_id(data_committed_at: datetime, digest: str, previous: str | None) -> str:
    """The id of the generation made from data of that time under settings of that digest.

    It depends on its input alone, so a run that was killed writes the same generation again; `previous`, the newest complete
    generation, only moves it forward where the same data is trained again under other settings.
    """
    moment = data_committed_at.astimezone(UTC).replace(microsecond=0)
    if previous is not None:
        moment = max(moment, _moment(previous) + timedelta(seconds=1))
    return f"{moment:%Y%m%dT%H%M%SZ}-{digest}"


def twin(generation: str) -> str:
    """The backtest twin of a generation."""
    return generation + TWIN_SUFFIX


def is_twin(generation: str) -> bool:
    return generation.endswith(TWIN_SUFFIX)


def live(verdicts: Iterable[tuple[str, str]]) -> str | None:
    """The newest generation, of pairs of generation and verdict, that may be live."""
    return max((generation for generation, verdict in verdicts if verdict in VERDICTS_OF_THE_LIVE), default=None)


def newest(generations: Iterable[str]) -> str | None:
    """The newest generation that is no twin."""
    return max((generation for generation in generations if not is_twin(generation)), default=None)


def expired(generations: Iterable[str], kept: Iterable[str], count: int) -> list[str]:
    """Generations and twins that are neither of `kept` nor of the newest `count`, `kept` counted in."""
    found, keep = set(generations), set(kept)
    mains = sorted({generation for generation in found if not is_twin(generation)} | keep, reverse=True)
    keep |= set(mains[:count])
    return sorted(found - keep - {twin(generation) for generation in keep})


def _moment(generation: str) -> datetime:
    return datetime.strptime(generation.split("-", 1)[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
