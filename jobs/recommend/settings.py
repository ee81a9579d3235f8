"""Settings of recommend."""

from pydantic import Field, model_validator

from jobs.shared.settings import LakeSettings, Section, SparkSettings, StageSettings


class SourceWeights(Section):
    """How much each source of candidates counts; only the proportions matter."""

    collaborative: float = Field(ge=0, le=1)
    similar: float = Field(ge=0, le=1)
    popular: float = Field(ge=0, le=1)
    fresh: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _something_counts(self) -> "SourceWeights":
        if not any(self.as_tuple()):
            raise ValueError("at least one weight must be above 0")
        return self

    def as_tuple(self) -> tuple[float, float, float, float]:
        return (self.collaborative, self.similar, self.popular, self.fresh)


class ListSettings(Section):
    """What shapes a list."""

    size: int = Field(20, ge=1, le=500)
    """Episodes of a list."""
    max_per_show: int = Field(5, ge=1, le=500)
    """Episodes of one show in a list."""
    pool: int = Field(100, ge=1, le=10_000)
    """Candidates that each source brings, its best ones."""
    cold: SourceWeights = SourceWeights(collaborative=0.0, similar=0.4, popular=0.4, fresh=0.2)
    """Weights for a listener without history."""
    warm: SourceWeights = SourceWeights(collaborative=0.55, similar=0.3, popular=0.05, fresh=0.1)
    """Weights for a listener with a long history."""
    half_history: float = Field(4.0, gt=0, le=10_000)
    """Episodes engaged with at which the weights are half way from cold to warm."""
    half_life_days: float = Field(60.0, gt=0, le=10_000)
    """After so many days engagement counts half."""
    popular_days: int = Field(7, ge=1, le=365)
    """Popularity is the engagement of so many newest days."""
    popular_share: float = Field(0.25, gt=0, le=1)
    """Share of the engaged-with episodes, the most engaged-with, that may be called popular."""
    fresh_days: int = Field(14, ge=1, le=365)
    """An episode is new for so many days after its publication."""


class RecommendSettings(StageSettings):
    """The lists, and how many generations of them are kept."""

    lake: LakeSettings
    spark: SparkSettings = SparkSettings()
    lists: ListSettings = ListSettings()
    keep_generations: int = Field(3, ge=1, le=100)
    """Generations whose lists are kept, the new one included; the live one is always kept."""
