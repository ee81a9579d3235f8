"""Frozen values that cross a stage boundary."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class Model(BaseModel):
    """A frozen value without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Episode(Model):
    """One episode as its feed describes it: the payload of `episode-metadata`."""

    episode_id: str = Field(min_length=1)
    podcast_id: str = Field(min_length=1)
    title: str
    description: str = ""
    published_at: AwareDatetime | None = None
    duration_s: float | None = Field(None, ge=0)
    audio_url: str = Field(min_length=1)
    transcript_url: str | None = None
    transcript_type: str | None = None
    """Media type of the publisher's transcript, as the feed says it: text/vtt, application/srt, application/json, text/html, text/plain."""
    image_url: str = ""
    language: str = ""


class Segment(Model):
    """A stretch of speech with its place in the audio, in seconds."""

    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)
    speaker: str | None = None
    text: str


class Transcript(Model):
    """What is said in one episode; `text` may be empty (silence)."""

    episode_id: str
    text: str
    segments: tuple[Segment, ...]
    language: str
    source: Literal["publisher", "whisper"]
    model: str
    """The speech model, or the transcript's media type where the publisher wrote it."""


class EventKind(StrEnum):
    """What a listener did."""

    PLAY = "play"
    """Started or resumed at `position_s`."""
    PAUSE = "pause"
    """Stopped for now at `position_s`."""
    SKIP = "skip"
    """Gave the episode up at `position_s`."""
    COMPLETE = "complete"
    """Reached the end; `position_s` is the episode's length."""
    LIKE = "like"
    RATE = "rate"
    """Gave `rating` stars, 1 to 5."""


class UserEvent(Model):
    """One act of one listener: the payload of `user-events`."""

    event_id: str = Field(min_length=1, max_length=64)
    user_id: str = Field(min_length=1, max_length=128)
    episode_id: str = Field(min_length=1, max_length=64)
    kind: EventKind
    rating: int | None = Field(None, ge=1, le=5)
    position_s: float | None = Field(None, ge=0, le=86_400)
    ts: AwareDatetime

    @model_validator(mode="after")
    def _rating_belongs_to_rate(self) -> "UserEvent":
        if (self.kind is EventKind.RATE) != (self.rating is not None):
            raise ValueError("rating is needed for kind 'rate' and for no other")
        return self


class Provenance(Model):
    """What a result was made from, kept in the very commit that wrote it, so that nothing new is noticed cheaply."""

    stage: str
    settings: str
    """Digest of the settings that shape the result."""
    sources: dict[str, int]
    """Version of each table that was read (`Lake.data_version`)."""
    note: dict[str, str] = Field(default_factory=dict)


class Commit(Model):
    """One version of a table."""

    version: int
    committed_at: datetime
    provenance: Provenance | None
