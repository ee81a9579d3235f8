"""Settings of publish."""

from pydantic import Field

from jobs.shared.settings import LakeSettings, MongoSettings, StageSettings


class PublishSettings(StageSettings):
    """Where lists come from and go to."""

    lake: LakeSettings
    mongo: MongoSettings
    similar: int = Field(10, ge=1, le=100)
    """Similar episodes shown of each episode."""
