"""Plain text of the HTML that publishers put into titles, descriptions and transcripts."""

import html
import re

from lxml import etree
from lxml import html as lxml_html

BLOCKS = frozenset({"p", "br", "div", "li", "ul", "ol", "tr", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "section"})
SILENT = ("script", "style", "head", "noscript", "template")
_MARKUP = re.compile(r"<[a-zA-Z/!]|&[#a-zA-Z0-9]+;")
_SPACE = re.compile(r"\s+")


def plain_text(marked_up: str) -> str:
    """The text in one line: tags gone, entities resolved, white space collapsed."""
    if not _MARKUP.search(marked_up):
        return squeeze(marked_up)
    root = document(marked_up)
    if root is None:
        return squeeze(html.unescape(marked_up))
    parts: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if event == "start":
            parts.append(" " if element.tag in BLOCKS else "")
            parts.append(element.text or "")
        else:
            parts.append(" " if element.tag in BLOCKS else "")
            parts.append(element.tail or "")
    return squeeze("".join(parts))


def document(marked_up: str) -> etree._Element | None:
    """The parsed HTML without scripts and styles, None where nothing can be parsed."""
    # Control characters end libxml2's parse; null bytes are not even accepted.
    text = "".join(character for character in marked_up if character >= " " or character in "\n\r\t")
    if not text.strip():
        return None
    try:
        root = lxml_html.document_fromstring(text, parser=lxml_html.HTMLParser(no_network=True, recover=True, encoding=None))
    except (etree.ParserError, ValueError):
        # Nothing but comments, or an encoding declaration inside text that is decoded already.
        return None
    etree.strip_elements(root, *SILENT, with_tail=False)
    return root


def squeeze(text: str) -> str:
    """The text with each run of white space as one space, none at the ends."""
    return _SPACE.sub(" ", text).strip()
