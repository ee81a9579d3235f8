"""Reads RSS 2.0 with iTunes and Podcasting 2.0 tags; the text comes from strangers."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from dateutil import parser as dates
from lxml import etree

from jobs.shared.errors import SourceError
from jobs.shared.markup import plain_text

ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
PODCAST = (
    "{https://podcastindex.org/namespace/1.0}",
    "{https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md}",
)
"""Two addresses of one namespace, identical by its rule."""
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
TRANSCRIPT_ORDER = ("text/vtt", "application/json", "application/srt", "text/html", "text/plain")
"""Best first: timed before untimed, exact before loose."""
TRANSCRIPT_TYPES = {"application/x-subrip": "application/srt", "text/srt": "application/srt", "text/webvtt": "text/vtt"}
MAX_DURATION_S = 7 * 86_400
MAX_TEXT = 20_000
"""Characters of a description that are kept; with the others it keeps a record far below the broker's 1 MB."""
MAX_NAME = 1_000
MAX_URL = 4_000
ZONES = {"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "EST": -18_000, "EDT": -14_400, "CST": -21_600, "CDT": -18_000} | {
    "MST": -25_200,
    "MDT": -21_600,
    "PST": -28_800,
    "PDT": -25_200,
}
"""The zones that RFC 822 names, in seconds east of Greenwich."""


@dataclass(frozen=True)
class Item:
    """One usable item of a feed."""

    guid: str | None
    title: str
    description: str
    published_at: datetime | None
    duration_s: float | None
    audio_url: str
    transcript_url: str | None
    transcript_type: str | None
    image_url: str


@dataclass(frozen=True)
class Feed:
    """A channel and its usable items, in the feed's order."""

    guid: str | None
    title: str
    description: str
    author: str
    language: str
    categories: tuple[str, ...]
    image_url: str
    items: tuple[Item, ...]
    unusable: dict[str, int] = field(default_factory=dict)
    """Items that cannot be episodes, by reason."""


def read_feed(body: bytes, url: str) -> Feed:
    """The feed at `url`; SourceError `empty` or `not-a-feed` where it is none."""
    channel = _channel(body, url)
    unusable: Counter[str] = Counter()
    image = _channel_image(channel)
    return Feed(
        guid=_podcast_text(channel, "guid") or None,
        title=plain_text(_text(channel, "title"))[:MAX_NAME],
        description=plain_text(_text(channel, "description") or _text(channel, f"{ITUNES}summary"))[:MAX_TEXT],
        author=plain_text(_text(channel, f"{ITUNES}author") or _text(channel, "managingEditor"))[:MAX_NAME],
        language=_text(channel, "language").lower().replace("_", "-"),
        categories=_categories(channel),
        image_url=image,
        items=tuple(_items(channel, unusable, image)),
        unusable=dict(unusable),
    )


def _channel(body: bytes, url: str) -> etree._Element:
    if not body.strip():
        raise SourceError("empty", f"{url}: an empty answer")
    # Feeds are often slightly broken, so the parser recovers; entities stay unexpanded, so that none can grow.
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser, base_url=url)
    except etree.XMLSyntaxError as error:
        raise SourceError("not-a-feed", f"{url}: {error}") from error
    channel = root.find("channel") if root is not None and root.tag == "rss" else None
    if channel is None:
        raise SourceError("not-a-feed", f"{url}: no RSS channel")
    return channel


def _items(channel: etree._Element, unusable: Counter[str], channel_image: str) -> Iterator[Item]:
    for element in channel.iterfind("item"):
        audio = _audio(element)
        if audio is None:
            unusable["no-enclosure"] += 1
            continue
        transcript_url, transcript_type = _transcript(element)
        image = element.find(f"{ITUNES}image")
        yield Item(
            guid=_text(element, "guid") or None,
            title=plain_text(_text(element, "title") or _text(element, f"{ITUNES}title"))[:MAX_NAME],
            description=plain_text(_text(element, "description") or _text(element, f"{ITUNES}summary") or _text(element, f"{CONTENT}encoded"))[:MAX_TEXT],
            published_at=moment(_text(element, "pubDate")),
            duration_s=duration_s(_text(element, f"{ITUNES}duration")),
            audio_url=audio,
            transcript_url=transcript_url,
            transcript_type=transcript_type,
            image_url=(_address(image, "href") if image is not None else None) or channel_image,
        )


def _audio(item: etree._Element) -> str | None:
    """The first audio enclosure, else the first one of another kind that is no picture."""
    found = [(element.get("type", "").strip().lower(), _address(element, "url")) for element in item.iterfind("enclosure")]
    usable = [(kind, url) for kind, url in found if url and not kind.startswith(("image/", "text/"))]
    return next((url for kind, url in usable if kind.startswith("audio/")), usable[0][1] if usable else None)


def _transcript(item: etree._Element) -> tuple[str | None, str | None]:
    offered = []
    for namespace in PODCAST:
        for element in item.iterfind(f"{namespace}transcript"):
            url = _address(element, "url")
            kind = element.get("type", "").split(";")[0].strip().lower()
            kind = TRANSCRIPT_TYPES.get(kind, kind)
            if url and kind in TRANSCRIPT_ORDER:
                offered.append((TRANSCRIPT_ORDER.index(kind), url, kind))
    if not offered:
        return None, None
    _order, url, kind = min(offered, key=lambda offer: offer[0])
    return url, kind


def _address(element: etree._Element, attribute: str) -> str | None:
    """The attribute as an absolute http(s) address, relative ones resolved against xml:base, else the feed's own address."""
    text = element.get(attribute, "").strip()
    if not text:
        return None
    try:
        url = urljoin(element.base or "", text)
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and len(url) <= MAX_URL else None


def _channel_image(channel: etree._Element) -> str:
    image = channel.find(f"{ITUNES}image")
    if image is not None and (url := _address(image, "href")):
        return url
    plain = channel.find("image/url")
    text = (plain.text or "").strip() if plain is not None else ""
    return text if text.startswith(("http://", "https://")) and len(text) <= MAX_URL else ""


def _categories(channel: etree._Element) -> tuple[str, ...]:
    names = [element.get("text", "").strip() for element in channel.iter(f"{ITUNES}category")]
    return tuple(dict.fromkeys(name for name in names if name))


def _text(parent: etree._Element, tag: str) -> str:
    element = parent.find(tag)
    return "".join(element.itertext()).strip() if element is not None else ""


def _podcast_text(parent: etree._Element, tag: str) -> str:
    return next((text for namespace in PODCAST if (text := _text(parent, namespace + tag))), "")


def moment(text: str) -> datetime | None:
    """The date as UTC, naive ones taken as UTC; None where it is none."""
    if not text or len(text) > 100:
        return None
    try:
        parsed = dates.parse(text, tzinfos=ZONES)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7}(?:\.\d+)?)")


def duration_s(text: str) -> float | None:
    """Seconds of `3723`, `62:03` or `1:02:03`; None where it is none of these, zero, or beyond a week."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    return total if 0 < total <= MAX_DURATION_S else None
