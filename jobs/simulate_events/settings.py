"""Settings of simulate_events."""

from pydantic import Field

from jobs.shared.settings import KafkaSettings, LakeSettings, StageSettings


class SimulateEventsSettings(StageSettings):
    """How many listeners there are and how they live."""

    lake: LakeSettings
    kafka: KafkaSettings
    users: int = Field(200, ge=1, le=1_000_000)
    """Listeners."""
    days: int = Field(21, ge=1, le=30)
    """Days of history before the newest version of the episodes. stream_events refuses events older than 30 days by default."""
    sessions_per_user: float = Field(24.0, gt=0, le=1000)
    """Mean number of sittings of a listener in `days`."""
    topics: int = Field(8, ge=1, le=100)
    """Topics that tastes are made of."""
    seed: int = Field(7, ge=0)
    """Same seed, same episodes: same events."""
    rate: float | None = Field(None, gt=0)
    """Events a second; null is as fast as the broker takes them."""
