"""Generations of the recommender: ids that sort by time, and the twin that only saw events before the split."""

from datetime import UTC, datetime, timedelta

TWIN_SUFFIX = ".backtest"


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


def _moment(generation: str) -> datetime:
    return datetime.strptime(generation.split("-", 1)[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
