"""Find new episodes in feeds and announce each of them once.

Reads    RSS feeds: addresses from the settings, from OPML lists, and those that trend at PodcastIndex. Table podcasts.
Writes   topics episode-metadata and episode-ids (key episode_id), table podcasts (key podcast_id).
Needs    Kafka with both topics, the lake; for trending feeds the secrets EARSHOT_PODCAST_INDEX__KEY and EARSHOT_PODCAST_INDEX__SECRET.

Guarantee: an episode's metadata and id become visible together, in a Kafka transaction, and exactly once, as long as episode-ids and
podcasts are kept. The transaction comes first, the row of podcasts second; a run that was killed in between is found out by the next one,
which reads the ids announced since the offset kept in the newest commit of podcasts. Of two runs at once the older is fenced off and ends
with exit code 1. A validator (ETag) is stored only after the episodes of its answer were announced.

One bad feed is skipped; its reason is counted and kept in last_error of its row, which exists also for a feed that never worked.
One bad item of a feed is left out and counted.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from jobs.fetch_metadata import core
from jobs.fetch_metadata.core import Directory, Row
from jobs.fetch_metadata.feed import Feed, read_feed
from jobs.fetch_metadata.settings import FetchMetadataSettings
from jobs.fetch_metadata.sources import Sources
from jobs.shared import tables
from jobs.shared.entry import Report
from jobs.shared.errors import SourceError
from jobs.shared.log import progress, stage_logger
from jobs.shared.models import Episode, Provenance
from jobs.shared.ports import Announcements, Page, TableWriter, Web

STAGE = "fetch_metadata"
OFFSET = "episode_ids_offset"
"""Note of a commit of podcasts: ids announced before this offset of episode-ids are remembered by the rows."""
FEEDS_A_COMMIT = 25
SHAPING = ("episodes_per_feed", "languages")
"""Settings that decide what is taken of a feed."""

logger = stage_logger(STAGE)


@dataclass(frozen=True)
class Look:
    """What came of asking for one feed."""

    feed_url: str
    known: Row | None
    page: Page | None = None
    feed: Feed | None = None
    """None where the feed has not changed."""
    failure: SourceError | None = None


@dataclass
class Harvest:
    """What some feeds brought, before it is written."""

    episodes: list[Episode] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    """Rows of feeds that never worked until now, kept under another id."""


@dataclass
class Tally:
    """Counts of one run."""

    feeds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    announced: int = 0


def run(sources: Sources, web: Web, lake: TableWriter, announcements: Announcements, *, settings: FetchMetadataSettings, now: datetime) -> Report:
    """Fetch all feeds, announce what is new, and report in feeds (read, skipped, failed) and episodes (written)."""
    return _Run(web, lake, announcements, settings, now).over(sources)


class _Run:
    def __init__(self, web: Web, lake: TableWriter, announcements: Announcements, settings: FetchMetadataSettings, now: datetime) -> None:
        self._web, self._lake, self._announcements, self._settings, self._now = web, lake, announcements, settings, now
        self._digest = settings.digest(*SHAPING)
        self._tally = Tally()
        self._done: dict[str, str] = {}
        self._directory = Directory(lake.read(tables.PODCASTS).to_pylist())
        self._offset = _remembered(lake)
        self._tail = announcements.since(self._offset)
        self._pending = self._recover()

    def _recover(self) -> dict[str, Row]:
        """Rows that must learn of announcements which a killed run made and did not note."""
        ids: dict[str, list[str]] = {}
        for record in reversed(self._tail):
            ids.setdefault(record.podcast_id, []).append(record.episode_id)
        self._announced = ids
        changed = {}
        for podcast, new in ids.items():
            row = self._directory.get(podcast)
            if row is not None and not set(new) <= set(row["announced_episode_ids"] or ()):
                changed[podcast] = row | {"announced_episode_ids": core.remember(new, row["announced_episode_ids"] or ())}
                self._directory.put(changed[podcast])
        return changed

    def over(self, sources: Sources) -> Report:
        tally, total = self._tally, len(sources.feeds)
        with ThreadPoolExecutor(max_workers=max(1, min(self._settings.concurrency, total))) as pool:
            try:
                looks = pool.map(self._look, sources.feeds)
                for done in range(0, total, FEEDS_A_COMMIT):
                    count = min(FEEDS_A_COMMIT, total - done)
                    self._write(self._gather(looks, count))
                    progress(logger, "feeds", done + count, total, announced=tally.announced)
            finally:
                pool.shutdown(cancel_futures=True)
        reasons = tally.reasons + sources.failures
        return Report(
            read=total,
            written=tally.announced,
            skipped=tally.feeds["unchanged"] + tally.feeds["duplicate"],
            failed=sum(reasons.values()),
            details={"reasons": dict(sorted(reasons.items())), "items_left_out": dict(sorted(tally.items.items())), "feeds": dict(sorted(tally.feeds.items()))},
        )

    def _look(self, feed_url: str) -> Look:
        known = self._directory.at(feed_url)
        try:
            page = self._web.get(feed_url, max_bytes=self._settings.max_feed_bytes, headers=self._validators(known))
            return Look(feed_url, known, page, read_feed(page.body, page.url) if page.status == 200 else None)
        except SourceError as failure:
            return Look(feed_url, known, failure=failure)

    def _validators(self, known: Row | None) -> dict[str, str]:
        # What was left out under other settings is in the feed still, though it did not change.
        if known is None or known["settings"] != self._digest:
            return {}
        named = {"If-None-Match": known["etag"], "If-Modified-Since": known["last_modified"]}
        return {name: value for name, value in named.items() if value}

    def _gather(self, looks: Iterator[Look], count: int) -> Harvest:
        harvest = Harvest(rows=self._pending)
        self._pending = {}
        for _ in range(count):
            look = next(looks)
            try:
                self._take(look, harvest)
            except SourceError as failure:
                self._refuse(look, failure, harvest)
        return harvest

    def _take(self, look: Look, harvest: Harvest) -> None:
        if look.failure is not None:
            raise look.failure
        if look.page is None:
            raise AssertionError("a look without a failure has a page")
        feed_url = look.page.moved_to or look.feed_url
        if look.feed is None and look.known is not None:
            if look.known["podcast_id"] in self._done:
                self._tally.feeds["duplicate"] += 1
                return
            self._done[look.known["podcast_id"]] = look.feed_url
            self._tally.feeds["unchanged"] += 1
            self._keep(look.known | {"feed_url": feed_url, "last_fetched_at": self._now}, harvest)
            return
        if look.feed is None:
            raise SourceError("http-304", f"{look.feed_url}: unchanged, says the server, but it was never fetched")
        podcast = core.podcast_id(look.feed, look.feed_url, self._directory.at(look.feed_url) or self._directory.at(feed_url))
        if podcast in self._done:
            self._tally.feeds["duplicate"] += 1
            logger.info("two addresses of one podcast", extra={"feed": look.feed_url, "taken": self._done[podcast]})
            return
        known = self._directory.get(podcast)
        language = core.check_language(look.feed, self._settings.languages)
        selection = core.select(look.feed, podcast, language, self._settings.episodes_per_feed)
        if not selection.episodes:
            raise SourceError("no-episodes", f"{look.feed_url}: no item with an enclosure")
        remembered = [*self._announced.get(podcast, ()), *((known or {}).get("announced_episode_ids") or ())]
        new = [episode for episode in selection.episodes if episode.episode_id not in set(remembered)]
        self._tally.feeds["fetched"] += 1
        self._tally.items.update(selection.left_out)
        harvest.episodes += new
        if look.known is not None and look.known["podcast_id"] != podcast and not look.known["announced_episode_ids"]:
            harvest.replaced.append(look.known["podcast_id"])
        self._done[podcast] = look.feed_url
        self._keep(
            {
                "podcast_id": podcast,
                "title": look.feed.title,
                "author": look.feed.author,
                "language": language,
                "categories": list(look.feed.categories),
                "image_url": look.feed.image_url,
                "feed_url": feed_url,
                "etag": look.page.etag,
                "last_modified": look.page.last_modified,
                "last_fetched_at": self._now,
                "last_error": None,
                "settings": self._digest,
                "announced_episode_ids": core.remember([episode.episode_id for episode in new], remembered),
            },
            harvest,
        )

    def _keep(self, row: Row, harvest: Harvest) -> None:
        harvest.rows[row["podcast_id"]] = row
        self._directory.put(row)

    def _refuse(self, look: Look, failure: SourceError, harvest: Harvest) -> None:
        self._tally.reasons[failure.reason] += 1
        logger.warning("feed skipped", extra={"feed": look.feed_url, "reason": failure.reason, "error": str(failure)})
        row = core.failed_row(look.feed_url, self._directory.at(look.feed_url), failure.reason, self._now)
        if row["podcast_id"] not in self._done:
            ids = core.remember(self._announced.get(row["podcast_id"], ()), row["announced_episode_ids"] or ())
            self._keep(row | {"announced_episode_ids": ids}, harvest)

    def _write(self, harvest: Harvest) -> None:
        self._announcements.announce(harvest.episodes)
        self._tally.announced += len(harvest.episodes)
        if harvest.replaced:
            self._lake.delete(tables.PODCASTS, [("podcast_id", "in", harvest.replaced)])
        behind = core.unread(self._tail, self._directory)
        if behind is None and self._tail:
            behind = self._tail[-1].offset + 1
        note = {OFFSET: str(self._offset if behind is None else behind)}
        provenance = Provenance(stage=STAGE, settings=self._digest, sources={}, note=note)
        self._lake.upsert(tables.PODCASTS, pa.Table.from_pylist(list(harvest.rows.values()), schema=tables.PODCASTS.schema), provenance)


def _remembered(lake: TableWriter) -> int:
    newest = lake.newest(tables.PODCASTS)
    note = newest.provenance.note if newest and newest.provenance and newest.provenance.stage == STAGE else {}
    return int(note.get(OFFSET, "0"))
