"""Settings of the dashboard."""

from pydantic import Field

from jobs.shared.settings import EncoderSettings, LakeSettings, MongoSettings, StageSettings


class DashboardSettings(StageSettings):
    """Values of the dashboard, from the file that EARSHOT_CONFIG names."""

    lake: LakeSettings
    mongo: MongoSettings
    encoder: EncoderSettings = EncoderSettings()
    """What turns a search into a vector; must be what `embed` used, else search finds words only."""
    refresh_s: float = Field(5.0, ge=1, le=3600)
    """Seconds between two looks of the Live page at the stream."""
    top: int = Field(10, ge=1, le=100)
    """Rows of the Live page's rankings."""
    rating_prior: float = Field(5.0, ge=0, le=1000)
    """Ratings that the window's mean counts for in the Bayesian rating: an episode needs about that many of its own to stand apart."""
    min_listeners: int = Field(5, ge=2, le=1000)
    """Producers see no cell with fewer unique listeners than this."""
    hits: int = Field(10, ge=1, le=50)
    """Results of a search."""
