"""Ids that stay the same wherever and however often a podcast or an episode is met."""

from uuid import UUID, uuid5

PODCAST_NAMESPACE = UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""The namespace of the Podcasting 2.0 `podcast:guid` rule."""


def podcast_id(feed_url: str, guid: str | None = None) -> str:
    """The feed's own `podcast:guid`, else UUIDv5 of the feed URL without scheme and trailing slashes (the Podcasting 2.0 rule)."""
    own = (guid or "").strip()
    if own:
        return own.lower()
    without_scheme = feed_url.strip().split("://", 1)[-1].rstrip("/")
    return str(uuid5(PODCAST_NAMESPACE, without_scheme))


def episode_id(podcast: str, guid: str | None, enclosure_url: str) -> str:
    """UUIDv5 of the item's guid, else of its enclosure URL, in the podcast's own namespace.

    A podcast whose `podcast:guid` is no UUID still gets a namespace of its own, made from that text.
    """
    try:
        namespace = UUID(podcast)
    except ValueError:
        namespace = uuid5(PODCAST_NAMESPACE, podcast)
    return str(uuid5(namespace, (guid or "").strip() or enclosure_url.strip()))
