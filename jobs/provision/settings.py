"""Settings of provision."""

from pydantic import Field

from jobs.shared.settings import KafkaSettings, LakeSettings, MongoSettings, StageSettings


class ProvisionSettings(StageSettings):
    """What is to be made; a part that is not named is left alone."""

    lake: LakeSettings | None = None
    kafka: KafkaSettings | None = None
    mongo: MongoSettings | None = None
    create_bucket: bool = True
    """Make the bucket of an s3:// lake where it is missing; off, a missing one is an error."""
    create_topics: bool = True
    """Make the topics; off, where something else makes them, their absence is an error."""
    replication_factor: int = Field(1, ge=1, le=10)
    """Copies of each topic that is made."""
