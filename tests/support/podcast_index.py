"""The parts of PodcastIndex that Earshot uses, as strict as the real one: headers, clock, hash, and odd answers on demand."""

import hashlib
import json
import random
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.hostile import HostileWeb, page

WINDOW_S = 180
MAX_IDS = 200
NO_HEADER = "Authorization header value either not set or blank."
NO_MATCH = "The hash in the Authorization header doesn't match up."


@dataclass
class FakePodcastIndex:
    """Serves these feeds (url, language) below /api/1.0 of a hostile web, in the order of their trend."""

    web: HostileWeb
    feeds: list[tuple[str, str]]
    key: str = "KEY"
    secret: str = "S|e$cret"
    dead: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    troubles: list[tuple[int, bytes]] = field(default_factory=list)
    """Answers (status, body) that are given first, whoever asks."""
    refused_agents: tuple[str, ...] = ("python-urllib3", "okhttp", "Mozilla")
    dates: list[str] = field(default_factory=list)
    seed: int = 7

    def __post_init__(self) -> None:
        self.web.answers["/api/1.0/podcasts/trending"] = self._trending
        self.web.answers["/api/1.0/episodes/byfeedid"] = self._episodes
        self._random = random.Random(self.seed)

    @property
    def base_url(self) -> str:
        return self.web.url("/api/1.0")

    def _refusal(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        headers = handler.headers
        self.dates.append(headers.get("X-Auth-Date", ""))
        if self.troubles:
            return self.troubles.pop(0)
        if not headers.get("Authorization"):
            return 401, NO_HEADER.encode()
        agent = headers.get("User-Agent", "")
        date = headers.get("X-Auth-Date", "")
        if not date.isdigit() or abs(int(date) - time.time()) > WINDOW_S:
            return 401, b'"The X-Auth-Date is outside of the 3 minute window."'
        expected = hashlib.sha1((self.key + self.secret + date).encode(), usedforsecurity=False).hexdigest()
        if headers.get("X-Auth-Key") != self.key or headers["Authorization"] != expected or agent.startswith(self.refused_agents):
            return 401, NO_MATCH.encode()
        return None

    def _send(self, handler: BaseHTTPRequestHandler, value: dict[str, Any]) -> None:
        # The real service escapes slashes in some answers.
        page(json.dumps(value).replace("/", "\\/").encode(), Content_Type="application/json")(handler)

    def _trending(self, handler: BaseHTTPRequestHandler) -> None:
        refusal = self._refusal(handler)
        if refusal:
            page(refusal[1], status=refusal[0])(handler)
            return
        count = int(parse_qs(urlsplit(handler.path).query)["max"][0])
        feeds = []
        for number, (url, language) in enumerate(self.feeds[:count]):
            odd = self._random.random() < 0.5
            feeds.append(
                {
                    "id": self._id(number),
                    "url": url,
                    "title": f"Feed {number}",
                    "image": "" if odd else "https://e.org/i.png",
                    "itunesId": None if odd else number,
                    "trendScore": 9,
                    "language": language,
                    "categories": None if odd else {"9": "Business"},
                }
            )
        self._send(handler, {"status": "true", "feeds": feeds, "count": len(feeds), "max": count, "since": None, "description": "Found."})

    def _episodes(self, handler: BaseHTTPRequestHandler) -> None:
        refusal = self._refusal(handler)
        query = parse_qs(urlsplit(handler.path).query, keep_blank_values=True)
        ids = [int(part) for part in query["id"][0].split(",")]
        if refusal is None and len(ids) > MAX_IDS:
            refusal = 400, b'{"status":"false","description":"Invalid parameters"}'
        if refusal:
            page(refusal[1], status=refusal[0])(handler)
            return
        items = []
        for number, (url, _language) in enumerate(self.feeds):
            if self._id(number) in ids and "newest" in query:
                items.append(
                    {"id": 2**33 + number, "feedId": self._id(number), "feedUrl": self.moved.get(url, url), "feedDead": int(url in self.dead), "guid": "g"}
                )
        self._send(handler, {"status": "true", "liveItems": [], "items": items, "count": len(items), "query": [str(part) for part in ids]})

    def _id(self, number: int) -> int:
        return 2**32 + number
