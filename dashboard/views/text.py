"""Text and numbers made fit for a page: fetched text stays text, whatever it holds."""

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$&^=\"'])")
COLOUR_OR_ICON = re.compile(r":(?=[A-Za-z/])")
AUTOLINK = re.compile(r"(?i)(?<=www)(?=\.)|(?=@)")
TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
ZERO_WIDTH = "\u200b"


def inert(text: str) -> str:
    """Markdown that shows exactly `text`: no markup, HTML, link, image, icon or formula of its own.

    Links and icons are made by the renderer after backslashes are resolved, so those are broken by a space of no width.
    """
    plain = CONTROL.sub(" ", text)
    broken = AUTOLINK.sub(ZERO_WIDTH, COLOUR_OR_ICON.sub(":" + ZERO_WIDTH, plain))
    return MARKDOWN.sub(r"\\\1", broken).strip()


def marked(text: str, terms: Sequence[str]) -> str:
    """Inert Markdown with the words that begin with one of `terms` highlighted."""
    if not terms:
        return inert(text)
    pattern = re.compile(rf"(?i)\b(?:{'|'.join(re.escape(term) for term in sorted(terms, key=len, reverse=True))})\w*")
    parts: list[str] = []
    position = 0
    for found in pattern.finditer(text):
        parts += [_between(text[position : found.start()]), f":orange-background[{inert(found.group(0))}]"]
        position = found.end()
    return "".join([*parts, _between(text[position:])]).strip()


def _between(text: str) -> str:
    # `inert` strips, and the spaces beside a highlight matter.
    lead, tail = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return f"{lead}{inert(text)}{tail}" if text.strip() else lead


def web_address(url: str) -> str | None:
    """The address where a browser may be sent to it, None for any other scheme (javascript:, data:, file:)."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme.lower() in ("http", "https") and parts.hostname else None


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss from an hour on."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def count(number: float) -> str:
    """A count with a thin separator: 12,345."""
    return f"{int(number):,}"


def share(part: float, whole: float) -> str:
    """part / whole in percent, "none" where there is nothing to divide by."""
    return f"{100 * part / whole:.0f} %" if whole else "none"


def size(size_bytes: float) -> str:
    """Bytes in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"


def age(then: datetime, now: datetime) -> str:
    """How long ago, in its largest unit."""
    seconds = max(0.0, (now - then).total_seconds())
    for unit, length_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length_s:
            whole = int(seconds // length_s)
            return f"{whole} {unit}{'s' if whole > 1 else ''} ago"
    return "just now"


def moment(when: datetime) -> str:
    """A UTC time to the minute."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def without_colour(message: str) -> str:
    """An error message without the colours meant for a terminal, its lines joined and a tree's branches dropped."""
    return re.sub(r"\s+", " ", TERMINAL_COLOUR.sub("", message).replace("↳", " ").replace("│", " ")).strip()
