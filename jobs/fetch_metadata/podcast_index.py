"""The open podcast directory: which feeds trend, and where they lie."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from jobs.fetch_metadata.settings import PodcastIndexSettings
from jobs.shared.errors import PlatformError, SettingsError, SourceError
from jobs.shared.ports import Web

MAX_ANSWER_BYTES = 50_000_000
MAX_IDS = 200
"""Feeds that one look-up may name."""
ATTEMPTS = 4
BACKOFF_S = 2.0
UNAUTHORISED = "http-401"
TRY_AGAIN = ("http-429", "http-400", "http-5", "timeout", "broken-off", "unreachable")
"""The edge answers 400 with a page of its own when it is in trouble."""

Entry = dict[str, Any]


def authorisation(key: str, secret: str, at: int) -> dict[str, str]:
    """The headers of one request made at that Unix second; the server accepts them for three minutes."""
    digest = hashlib.sha1(f"{key}{secret}{at}".encode(), usedforsecurity=False).hexdigest()
    return {"X-Auth-Key": key, "X-Auth-Date": str(at), "Authorization": digest}


class PodcastIndex:
    """Reads the directory; SettingsError where it refuses the keys, PlatformError where it does not answer."""

    def __init__(self, settings: PodcastIndexSettings, web: Web, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        if not (settings.key and settings.secret):
            missing = [f"EARSHOT_PODCAST_INDEX__{name.upper()}" for name in ("key", "secret") if not getattr(settings, name)]
            raise SettingsError(
                f"podcast_index.trending is on, and {' and '.join(missing)} missing in the environment: "
                "get free keys at https://api.podcastindex.org, or switch trending off"
            )
        self._settings = settings
        self._key = settings.key.get_secret_value().strip()
        self._secret = settings.secret.get_secret_value().strip()
        self._web = web
        self._clock = clock
        self._sleep = sleep

    def trending(self, logger: logging.Logger) -> list[str]:
        """Addresses of the feeds that trend, without those that the directory knows to be dead."""
        feeds = [feed for feed in self._read("/podcasts/trending", {"max": str(self._settings.max)}, "feeds") if isinstance(feed.get("url"), str)]
        newest = {item.get("feedId"): item for item in self._newest([feed["id"] for feed in feeds if isinstance(feed.get("id"), int)])}
        dead = [feed["url"] for feed in feeds if newest.get(feed.get("id"), {}).get("feedDead") == 1]
        if dead:
            logger.info("dead feeds left out", extra={"feeds": dead})
        # The directory follows moves: its newest item knows the feed's present address.
        return [newest.get(feed.get("id"), {}).get("feedUrl") or feed["url"] for feed in feeds if feed["url"] not in dead]

    def _newest(self, ids: Sequence[int]) -> Iterator[Entry]:
        """The newest item of each feed, in one request for every 200 feeds."""
        for start in range(0, len(ids), MAX_IDS):
            some = ids[start : start + MAX_IDS]
            yield from self._read("/episodes/byfeedid", {"id": ",".join(map(str, some)), "max": str(len(some)), "newest": ""}, "items")

    def _read(self, path: str, parameters: dict[str, str], what: str) -> list[Entry]:
        url = f"{self._settings.base_url.rstrip('/')}{path}?{urlencode(parameters, safe=',')}"
        page = self._get(url)
        try:
            answer = json.loads(page)
        except ValueError as error:
            raise PlatformError(f"PodcastIndex answered {path} with no JSON: {error}") from error
        entries = answer.get(what) if isinstance(answer, dict) else None
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []

    def _get(self, url: str) -> bytes:
        refused = 0
        for attempt in range(ATTEMPTS):
            try:
                headers = authorisation(self._key, self._secret, int(self._clock()))
                return self._web.get(url, max_bytes=MAX_ANSWER_BYTES, headers=headers, redirects=0).body
            except SourceError as error:
                if error.reason == UNAUTHORISED:
                    refused += 1
                    if refused == 2:
                        raise SettingsError(
                            "PodcastIndex refuses EARSHOT_PODCAST_INDEX__KEY and EARSHOT_PODCAST_INDEX__SECRET (401): "
                            "check both, and this machine's clock, which may be wrong by three minutes at most"
                        ) from error
                elif not error.reason.startswith(TRY_AGAIN) or attempt == ATTEMPTS - 1:
                    raise PlatformError(f"PodcastIndex cannot be read: {error}") from error
                self._sleep(BACKOFF_S * 2**attempt)
        raise PlatformError(f"PodcastIndex cannot be read: {ATTEMPTS} requests failed")
