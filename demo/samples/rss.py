"""RSS 2.0 with the iTunes and Podcasting 2.0 tags."""

import math
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from demo.samples.shows import DurationForm

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
PODCAST = "https://podcastindex.org/namespace/1.0"


@dataclass(frozen=True)
class Enclosure:
    """The audio of an item; a length of 0 bytes means that nobody measured it."""

    url: str
    length_bytes: int = 0


@dataclass(frozen=True)
class Link:
    """A transcript, its address relative to the feed's."""

    url: str
    media_type: str


@dataclass(frozen=True)
class Item:
    """One episode."""

    guid: str
    title: str
    description: str
    number: int
    published_at: datetime
    duration_s: float
    enclosure: Enclosure
    transcript: Link | None = None
    guests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Channel:
    """One feed, newest item first."""

    guid: str
    title: str
    author: str
    description: str
    link: str
    copyright: str
    category: tuple[str, ...]
    duration_form: DurationForm
    items: tuple[Item, ...]


def rss(channel: Channel) -> bytes:
    """The feed as UTF-8."""
    ET.register_namespace("itunes", ITUNES)
    ET.register_namespace("podcast", PODCAST)
    root = ET.Element("rss", version="2.0")
    node = ET.SubElement(root, "channel")
    _text(node, "title", channel.title)
    _text(node, "link", channel.link)
    _text(node, "description", channel.description)
    _text(node, "language", "en-us")
    _text(node, "copyright", channel.copyright)
    _text(node, f"{{{PODCAST}}}guid", channel.guid)
    _text(node, f"{{{ITUNES}}}author", channel.author)
    _text(node, f"{{{ITUNES}}}explicit", "false")
    category = node
    for name in channel.category:
        category = ET.SubElement(category, f"{{{ITUNES}}}category", text=name)
    for item in channel.items:
        _item(ET.SubElement(node, "item"), item, channel.duration_form)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def duration(seconds: float, form: DurationForm) -> str:
    """Whole seconds, rounded up, in one of the three forms of `itunes:duration`."""
    whole = math.ceil(seconds)
    if form is DurationForm.SECONDS:
        return str(whole)
    if form is DurationForm.MINUTES:
        return f"{whole // 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _item(node: ET.Element, item: Item, form: DurationForm) -> None:
    _text(node, "title", item.title)
    _text(node, "description", item.description)
    ET.SubElement(node, "guid", isPermaLink="false").text = item.guid
    _text(node, "pubDate", format_datetime(item.published_at))
    ET.SubElement(node, "enclosure", url=item.enclosure.url, length=str(item.enclosure.length_bytes), type="audio/mpeg")
    _text(node, f"{{{ITUNES}}}episode", str(item.number))
    _text(node, f"{{{ITUNES}}}duration", duration(item.duration_s, form))
    for guest in item.guests:
        ET.SubElement(node, f"{{{PODCAST}}}person", role="guest").text = guest
    if item.transcript:
        ET.SubElement(node, f"{{{PODCAST}}}transcript", url=item.transcript.url, type=item.transcript.media_type)


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text
