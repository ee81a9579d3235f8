"""Publish the lists of the newest promoted generation, and the similar episodes, for front ends to read by id.

Reads recommendations, evaluations, similarities, episodes, podcasts. Writes the collections final_recommendations, similar_episodes and
publications, and is the only stage that does. Needs the lake and MongoDB.

Documents are replaced one by one, each as a whole; documents of older editions leave when all of the new one are there; the entry in
publications comes last. So a reader never sees an empty or half-written set, and a run that was killed is done again from the start:
an edition is named by what it is made from. What is published already is left alone. Without a promoted generation the old one stays.
An entry whose episode is not in `episodes` is left out and counted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from jobs.publish import core
from jobs.publish.settings import PublishSettings
from jobs.shared.documents import FINAL_RECOMMENDATIONS, PUBLICATIONS, SIMILAR_EPISODES, Collection, Publication
from jobs.shared.entry import Report
from jobs.shared.generations import live
from jobs.shared.log import progress, stage_logger
from jobs.shared.models import Model
from jobs.shared.ports import DocumentStore, TableReader
from jobs.shared.tables import EPISODES, EVALUATIONS, PODCASTS, RECOMMENDATIONS, SIMILARITIES

STAGE = "publish"
PROGRESS_EVERY = 400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
logger = stage_logger(STAGE)


@dataclass(frozen=True)
class Edition:
    """One collection as it is to be."""

    collection: Collection
    name: str
    generation: str
    generated_at: datetime


def run(lake: TableReader, store: DocumentStore, settings: PublishSettings, now: datetime) -> Report:
    """Publish what is new."""
    wanted = editions(lake, settings)
    due = [edition for edition in wanted if not published(store, edition)]
    if not due:
        return Report(skipped=len(wanted), details={"nothing_to_do": True})
    store.prepare()
    shelf = core.shelf(lake.read(EPISODES, ["episode_id", "podcast_id", "title", "audio_url"]), lake.read(PODCASTS, ["podcast_id", "title"]))
    counts: dict[str, int] = {}
    for edition in due:
        documents, total = _documents(lake, edition, shelf, settings)
        counts[edition.collection.name] = _replace(store, edition, _told(documents, edition.collection.name, total), now)
    return Report(
        read=len(due),
        written=sum(counts.values()),
        skipped=len(wanted) - len(due),
        failed=shelf.unknown.total(),
        details={"generation": due[0].generation, "documents": counts, "unknown_episodes": len(shelf.unknown)},
    )


def editions(lake: TableReader, settings: PublishSettings) -> list[Edition]:
    """What should be published now, by the cheapest look: nothing of a kind that does not exist yet."""
    verdicts = lake.read(EVALUATIONS, ["generation", "verdict"])
    generation = live(zip(verdicts["generation"].to_pylist(), verdicts["verdict"].to_pylist(), strict=True))
    episodes = lake.newest(EPISODES)
    # The table of shows changes with every fetch; only their titles matter here.
    shown = {"episodes": episodes.version if episodes else None, "shows": sorted(map(list, _pairs(lake.read(PODCASTS, ["podcast_id", "title"]))))}
    found: list[Edition] = []
    if generation is None:
        logger.warning("no generation is promoted: run evaluate")
    else:
        made = lake.read(RECOMMENDATIONS, ["generated_at"], [("generation", "=", generation), ("rank", "=", 1)])["generated_at"]
        if len(made):
            # In the milliseconds that MongoDB keeps; by way of a number, as pyarrow imports pandas to make a datetime.
            at = EPOCH + timedelta(milliseconds=pc.max(made).cast(pa.int64()).as_py() // 1000)
            found.append(Edition(FINAL_RECOMMENDATIONS, core.edition(shown | {"generation": generation, "generated_at": at.isoformat()}), generation, at))
    neighbours = lake.newest(SIMILARITIES)
    if neighbours is not None:
        name = core.edition(shown | {"similarities": neighbours.version, "similar": settings.similar})
        found.append(Edition(SIMILAR_EPISODES, name, generation or "", neighbours.committed_at))
    return found


def published(store: DocumentStore, edition: Edition) -> bool:
    """Whether the collection is this edition already, and whole."""
    entry = store.get(PUBLICATIONS, edition.collection.name)
    return entry is not None and entry.edition == edition.name


def _documents(lake: TableReader, edition: Edition, shelf: core.Shelf, settings: PublishSettings) -> tuple[Iterable[Model], int]:
    if edition.collection is FINAL_RECOMMENDATIONS:
        rows = lake.read(RECOMMENDATIONS, ["user_id", "rank", "episode_id", "score", "reasons"], [("generation", "=", edition.generation)])
        lists = core.recommendations(rows, shelf, generation=edition.generation, edition=edition.name, generated_at=edition.generated_at)
        return lists, len(rows["user_id"].unique())
    rows = lake.read(SIMILARITIES)
    return core.similar(rows, shelf, edition=edition.name, count=settings.similar), len(rows["episode_id"].unique())


def _replace(store: DocumentStore, edition: Edition, documents: Iterable[Model], now: datetime) -> int:
    count = store.put(edition.collection, documents)
    # Only now: until here every listener finds the old document or the new one.
    store.retire(edition.collection, edition.name)
    name = edition.collection.name
    store.put(PUBLICATIONS, [Publication(collection=name, edition=edition.name, generation=edition.generation, published_at=now, documents=count)])
    return count


def _told(documents: Iterable[Model], name: str, total: int) -> Iterator[Model]:
    for done, document in enumerate(documents):
        if done % PROGRESS_EVERY == 0:
            progress(logger, name, done, total)
        yield document
    progress(logger, name, total, total)


def _pairs(rows: pa.Table) -> Iterable[tuple[str, str]]:
    return zip(rows["podcast_id"].to_pylist(), rows["title"].to_pylist(), strict=True)
