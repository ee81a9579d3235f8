"""Settings of train_als."""

from pydantic import Field

from jobs.shared.settings import LakeSettings, SparkSettings, StageSettings


class TrainAlsSettings(StageSettings):
    """The factor model, and how much of the past it is tested on."""

    lake: LakeSettings
    spark: SparkSettings = SparkSettings()
    rank: int = Field(32, ge=1, le=512)
    """Number of factors of a listener and of an episode."""
    regularisation: float = Field(0.1, gt=0, le=100)
    alpha: float = Field(1.0, gt=0, le=100)
    """Confidence that one unit of engagement adds; large values learn popularity rather than taste."""
    iterations: int = Field(10, ge=1, le=100)
    seed: int = 42
    half_life_days: float = Field(60.0, gt=0, le=10_000)
    """After so many days engagement counts half."""
    backtest_share: float = Field(0.2, gt=0, lt=1)
    """Share of the engagement, the newest, that the backtest twin does not see."""
    keep_generations: int = Field(3, ge=1, le=100)
    """Generations whose factors are kept, the new one included."""

    @property
    def model_digest(self) -> str:
        """Digest of what shapes the factors."""
        return self.digest("rank", "regularisation", "alpha", "iterations", "seed", "half_life_days", "backtest_share")
