"""Reads lists of feeds."""

from lxml import etree

from jobs.shared.errors import SourceError


def feed_urls(body: bytes, where: str) -> list[str]:
    """Every feed address of an OPML list, in order, each once; folders, letter case and a missing type do not matter."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(body, parser) if body.strip() else None
    except etree.XMLSyntaxError:
        root = None
    if root is None or str(root.tag).lower() != "opml":
        raise SourceError("not-opml", f"{where}: no OPML list")
    urls = []
    for element in root.iter():
        if str(element.tag).lower() == "outline":
            urls += [value.strip() for name, value in element.attrib.items() if str(name).lower() == "xmlurl" and value.strip()]
    return list(dict.fromkeys(urls))
