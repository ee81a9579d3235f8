"""Settings of stream_events."""

from pydantic import Field

from jobs.shared.settings import KafkaSettings, LakeSettings, SparkSettings, StageSettings


class StreamEventsSettings(StageSettings):
    """How events are taken, judged and stored."""

    lake: LakeSettings
    kafka: KafkaSettings
    spark: SparkSettings = SparkSettings()
    checkpoint: str | None = None
    """Where the stream keeps its offsets: a folder or an s3:// address; null is `_checkpoints/stream_events` below the lake."""
    trigger_interval_s: float = Field(10.0, ge=0, le=3600)
    """Seconds between the starts of two micro-batches when the stream runs for ever."""
    max_offsets_per_trigger: int = Field(100_000, ge=1)
    """Most records of one micro-batch."""
    fail_on_data_loss: bool = True
    """Whether to stop when Kafka dropped records that were never read (a stream that stood still for longer than the topic's retention)."""
    late_days: float = Field(30.0, gt=0, le=3650)
    """Age from which an event is refused as `late`, measured when Kafka received it."""
    future_s: float = Field(300.0, ge=0, le=86_400)
    """How far an event's clock may be ahead of Kafka's before it is refused as `future`."""

    @property
    def checkpoint_uri(self) -> str:
        return (self.checkpoint or f"{self.lake.uri}/_checkpoints/stream_events").rstrip("/")
