"""Every Kafka topic, declared once: name, key, payload and settings."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from jobs.shared.errors import RecordError
from jobs.shared.models import Episode, Model, UserEvent

DAY_MS = 86_400_000


class EpisodeKnown(Model):
    """The compacted topic's payload: the id alone, so that anybody can list what was ever announced."""

    episode_id: str
    podcast_id: str


class DeadLetter(Model):
    """A record that could not be used, with the reason and the place it came from.

    `topic`, `partition` and `offset` identify it: a replay may write the same letter again, and readers count it once by them.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    message: str = ""
    payload: str = ""
    """The record's value, undecodable bytes replaced, cut to 10,000 characters."""


@dataclass(frozen=True)
class Topic:
    """A topic whose values are JSON of `payload`, keyed by `key`."""

    name: str
    key: str
    payload: type[Model]
    partitions: int = 3
    config: dict[str, Any] = field(default_factory=dict)

    def encode(self, value: Model) -> tuple[bytes, bytes]:
        """Key and value bytes of one record."""
        return str(getattr(value, self.key)).encode(), value.model_dump_json().encode()

    def decode(self, value: bytes | None) -> Any:
        """The payload of one record; RecordError `empty`, `not-json` or `wrong-fields` says why it has none."""
        if not value:
            raise RecordError("empty", f"{self.name}: record without a value")
        try:
            return self.payload.model_validate_json(value)
        except ValidationError as error:
            first = error.errors()[0]
            reason = "not-json" if first["type"] == "json_invalid" else "wrong-fields"
            where = ".".join(str(part) for part in first["loc"])
            raise RecordError(reason, f"{where}: {first['msg']}" if where else first["msg"]) from error


EPISODE_METADATA = Topic("episode-metadata", "episode_id", Episode, partitions=3, config={"retention.ms": 30 * DAY_MS})
EPISODE_IDS = Topic("episode-ids", "episode_id", EpisodeKnown, partitions=1, config={"cleanup.policy": "compact"})
USER_EVENTS = Topic("user-events", "user_id", UserEvent, partitions=6, config={"retention.ms": 7 * DAY_MS})
EPISODE_METADATA_DEAD = Topic("episode-metadata.dead", "topic", DeadLetter, partitions=1, config={"retention.ms": 30 * DAY_MS})
USER_EVENTS_DEAD = Topic("user-events.dead", "topic", DeadLetter, partitions=1, config={"retention.ms": 30 * DAY_MS})

ALL = (EPISODE_METADATA, EPISODE_IDS, USER_EVENTS, EPISODE_METADATA_DEAD, USER_EVENTS_DEAD)
