"""Settings of evaluate."""

from pydantic import Field

from jobs.shared.settings import LakeSettings, StageSettings


class EvaluateSettings(StageSettings):
    """How much worse a generation may be and still go live."""

    lake: LakeSettings
    max_ndcg_loss: float = Field(0.05, ge=0, le=1)
    """Share of the live generation's nDCG@10 (and of popularity's) that may be lost; a larger loss, if it is no chance, refuses."""
    max_coverage_loss: float = Field(0.3, ge=0, le=1)
    """Share of the live generation's coverage that may be lost; a larger loss refuses."""
    min_users: int = Field(5, ge=1, le=1_000_000)
    """Listeners with something to find after the split below which nothing is judged."""
    resamples: int = Field(1000, ge=100, le=100_000)
    """Bootstrap resamples of the listeners."""
    seed: int = 42
