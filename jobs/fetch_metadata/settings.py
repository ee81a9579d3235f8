"""Settings of fetch_metadata."""

from pydantic import Field, SecretStr, field_validator

from jobs.shared.settings import HttpSettings, KafkaSettings, LakeSettings, Section, StageSettings


class PodcastIndexSettings(Section):
    """The open podcast directory. Its keys come from EARSHOT_PODCAST_INDEX__KEY and EARSHOT_PODCAST_INDEX__SECRET."""

    trending: bool = False
    """Also take the feeds that trend there now."""
    max: int = Field(50, ge=1, le=1000)
    """How many trending feeds to take at most."""
    base_url: str = "https://api.podcastindex.org/api/1.0"
    key: SecretStr | None = None
    secret: SecretStr | None = None


class FetchMetadataSettings(StageSettings):
    lake: LakeSettings
    kafka: KafkaSettings
    http: HttpSettings = HttpSettings()
    feeds: tuple[str, ...] = ()
    """Addresses of RSS feeds."""
    opml: tuple[str, ...] = ()
    """OPML lists of feeds: files or http(s) addresses."""
    podcast_index: PodcastIndexSettings = PodcastIndexSettings()
    episodes_per_feed: int = Field(1, ge=1, le=1000)
    """The newest episodes of a feed that are announced."""
    languages: tuple[str, ...] = ("en",)
    """Primary language tags that are taken, such as en (it stands for en-us, too); empty takes all."""
    max_feed_bytes: int = Field(20_000_000, ge=1_000, le=500_000_000)
    """Larger feeds and lists are refused, counted after decompression."""
    concurrency: int = Field(50, ge=1, le=200)
    """Feeds that are fetched at once, though never two from one host."""

    @field_validator("languages")
    @classmethod
    def _primary(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for language in languages:
            if not (language.isalpha() and language.islower() and 2 <= len(language) <= 3):
                raise ValueError(f"{language!r} is no primary language tag such as en")
        return languages
