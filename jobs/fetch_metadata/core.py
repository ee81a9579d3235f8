"""Which episodes of a feed are new, and what its row says; pure."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.fetch_metadata.feed import Feed, Item
from jobs.fetch_metadata.language import feed_language, primary
from jobs.shared import identity
from jobs.shared.errors import SourceError
from jobs.shared.models import Episode
from jobs.shared.ports import Announced

MAX_ANNOUNCED = 2_000
"""Ids that a podcast's row remembers: twice the most episodes that may be taken of a feed."""
OLDEST = datetime.min.replace(tzinfo=UTC)

Row = dict[str, Any]
"""One row of `podcasts`."""


@dataclass(frozen=True)
class Selection:
    """The newest episodes of a feed, newest first, and what was left out."""

    episodes: list[Episode]
    left_out: dict[str, int]


class Directory:
    """The podcasts known so far, found by the address of their feed or by id."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_id: dict[str, Row] = {}
        self._by_url: dict[str, Row] = {}
        for row in rows:
            self.put(row)

    def put(self, row: Row) -> None:
        self._by_id[row["podcast_id"]] = row
        self._by_url[row["feed_url"]] = row

    def __contains__(self, podcast_id: object) -> bool:
        return podcast_id in self._by_id

    def get(self, podcast_id: str) -> Row | None:
        return self._by_id.get(podcast_id)

    def at(self, feed_url: str) -> Row | None:
        """The podcast whose feed lies there now, or whose id was made from that address."""
        return self._by_url.get(feed_url) or self._by_id.get(identity.podcast_id(feed_url))


def podcast_id(feed: Feed, feed_url: str, known: Row | None) -> str:
    """The feed's own guid; without one the id it has already, so that a move changes nothing; else made from its address."""
    if feed.guid is None and known is not None:
        return str(known["podcast_id"])
    return identity.podcast_id(feed_url, feed.guid)


def check_language(feed: Feed, languages: Sequence[str]) -> str:
    """The feed's language; SourceError `language-...` where it is not one of those."""
    language = feed_language(feed)
    if languages and primary(language) not in languages:
        raise SourceError(f"language-{primary(language) or 'unknown'}", f"{feed.title}: not in {', '.join(languages)}")
    return language


def select(feed: Feed, podcast: str, language: str, limit: int) -> Selection:
    """The newest `limit` episodes; items that share an id are one episode, the newest of them."""
    left_out = dict(feed.unusable)
    newest = sorted(feed.items, key=lambda item: item.published_at or OLDEST, reverse=True)
    by_id: dict[str, Item] = {}
    for item in newest:
        if by_id.setdefault(identity.episode_id(podcast, item.guid, item.audio_url), item) is not item:
            left_out["duplicate-guid"] = left_out.get("duplicate-guid", 0) + 1
    episodes = [_episode(key, item, podcast, language) for key, item in list(by_id.items())[:limit]]
    return Selection(episodes, left_out)


def _episode(episode_id: str, item: Item, podcast: str, language: str) -> Episode:
    return Episode(
        episode_id=episode_id,
        podcast_id=podcast,
        title=item.title,
        description=item.description,
        published_at=item.published_at,
        duration_s=item.duration_s,
        audio_url=item.audio_url,
        transcript_url=item.transcript_url,
        transcript_type=item.transcript_type,
        image_url=item.image_url,
        language=language,
    )


def remember(new: Iterable[str], known: Iterable[str]) -> list[str]:
    """Announced ids, newest first, each once, bounded."""
    return list(dict.fromkeys([*new, *known]))[:MAX_ANNOUNCED]


def failed_row(feed_url: str, known: Row | None, reason: str, now: datetime) -> Row:
    """The row of a feed that could not be used: what was known stays, but the next fetch asks for the whole feed."""
    row = known or {"podcast_id": identity.podcast_id(feed_url), "title": "", "feed_url": feed_url, "announced_episode_ids": []}
    return row | {"etag": None, "last_modified": None, "last_fetched_at": now, "last_error": reason}


def unread(tail: Sequence[Announced], podcasts: Container[str]) -> int | None:
    """The offset of the first announcement of a podcast that has no row to remember it; None where all have one."""
    return next((record.offset for record in tail if record.podcast_id not in podcasts), None)
