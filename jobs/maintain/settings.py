"""Settings of maintain."""

from pydantic import Field

from jobs.shared.settings import LakeSettings, MongoSettings, StageSettings


class MaintainSettings(StageSettings):
    """When files are worth a rewrite, and how long old ones are kept."""

    lake: LakeSettings
    mongo: MongoSettings | None = None
    """Needed by --erase-user alone."""
    compact_from: int = Field(8, ge=2)
    """Small files in one partition from which they are written together."""
    target_mb: int = Field(64, ge=1, le=1024)
    """A file below half of this is small."""
    retention_days: float = Field(7.0, ge=1, le=365)
    """Files that no version of the last days uses are deleted. A reader or a query that takes longer would miss them."""
    vacuum_every_hours: float = Field(24.0, ge=0, le=24 * 30)
    """Hours between two deletions of unused files of one table."""
