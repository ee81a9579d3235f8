"""All addresses of feeds that one run is to fetch, from wherever they come."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from jobs.fetch_metadata.opml import feed_urls
from jobs.fetch_metadata.podcast_index import PodcastIndex
from jobs.fetch_metadata.settings import FetchMetadataSettings
from jobs.shared.errors import SettingsError, SourceError
from jobs.shared.ports import Web


@dataclass(frozen=True)
class Sources:
    """Feed addresses, each once, and the lists that could not be read."""

    feeds: list[str]
    failures: Counter[str] = field(default_factory=Counter)


def gather(settings: FetchMetadataSettings, web: Web, index: PodcastIndex | None, logger: logging.Logger) -> Sources:
    """Feeds of the settings, then of the OPML lists, then the trending ones; a list on the web that fails is counted, a missing file is an error."""
    urls = [url.strip() for url in settings.feeds]
    failures: Counter[str] = Counter()
    for place in settings.opml:
        try:
            urls += feed_urls(_list(place, web, settings.max_feed_bytes), place)
        except SourceError as error:
            failures[f"opml-{error.reason}"] += 1
            logger.warning("list left out", extra={"opml": place, "reason": error.reason, "error": str(error)})
    if index is not None:
        urls += index.trending(logger)
    return Sources(list(dict.fromkeys(urls)), failures)


def _list(place: str, web: Web, max_bytes: int) -> bytes:
    if place.startswith(("http://", "https://")):
        return web.get(place, max_bytes=max_bytes).body
    try:
        return Path(place).read_bytes()
    except OSError as error:
        raise SettingsError(f"opml: cannot read {place}: {error.strerror}") from error
