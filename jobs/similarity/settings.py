"""Settings of similarity."""

from pydantic import Field

from jobs.shared.settings import LakeSettings, SparkSettings, StageSettings


class SimilaritySettings(StageSettings):
    """How many neighbours an episode has, and how meaning and words are weighed."""

    lake: LakeSettings
    spark: SparkSettings = SparkSettings()
    neighbours: int = Field(20, ge=1, le=1000)
    """Similar episodes of an episode at most."""
    lexical_weight: float = Field(0.9, ge=0, le=1)
    """Share of the cosine of the words in a score; the rest is that of the meanings, whose cosines are all high and spread far more."""
    lexical_dimension: int = Field(4096, ge=64, le=65_536)
    """Length of the hashed word vectors: chance similarity of unrelated episodes is about 1 / sqrt(length)."""
    rows_per_task: int = Field(1024, ge=1, le=65_536)
    """Episodes that one Spark task compares with all others."""
