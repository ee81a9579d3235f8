"""Settings of embed."""

from pydantic import Field, model_validator

from jobs.shared.settings import EncoderSettings, LakeSettings, SparkSettings, StageSettings


class EmbedSettings(StageSettings):
    """How transcripts are cut, what encodes them, and how often results are written."""

    lake: LakeSettings
    spark: SparkSettings = SparkSettings()
    encoder: EncoderSettings = EncoderSettings()
    chunk_tokens: int = Field(256, ge=16, le=8192)
    """Tokens of a chunk at most, the model's own marks included; a smaller window of the model wins."""
    overlap_tokens: int = Field(32, ge=0, le=1024)
    """Tokens at most that a chunk repeats from the one before it, in whole sentences."""
    episodes_per_commit: int = Field(128, ge=1, le=10_000)
    """Episodes written at once: what a killed run has to encode again at most."""
    episodes_per_task: int = Field(2, ge=1, le=1000)
    """Episodes of one Spark task: few keep all cores busy to the end and the progress fine."""

    @model_validator(mode="after")
    def _overlap_is_smaller_than_a_chunk(self) -> "EmbedSettings":
        if self.overlap_tokens > self.chunk_tokens // 2:
            raise ValueError("overlap_tokens: must be at most half of chunk_tokens")
        return self
