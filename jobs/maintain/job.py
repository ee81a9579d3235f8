"""Keeps every table quick to read: small files written together, a checkpoint, unused files deleted.

Reads   the logs of all tables
Writes  all tables, without changing what they say; with --erase-user ID, the tables without that listener
Needs   the lake; --erase-user: the document store too

It may run while Python stages and the stream write: delta-rs commits exclude each other on a folder and on S3, and a commit that
meets another is made again. Stages that write by Spark (embed, similarity, train_als, recommend) must not run at the same time:
Spark's log excludes only writers of its own process. A table that others kept writing to first is left for the next run.
Old generations of the recommender are removed by the stages that write new ones.

--erase-user ID deletes the listener's rows from every table, then the old files that held them (running queries on these tables may
fail once, and older versions can no longer be read), then their document; it searches again and ends with a receipt. What it cannot
reach: records in Kafka's user-events (7 days) and user-events.dead (30 days) stay until the topics' retention is over, and file
statistics in the tables' logs (30 days) may name the id; files of writes that were killed go after the retention of a plain run. Run it
again afterwards: events that were still in the topic count as new.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from jobs.maintain import core
from jobs.maintain.care import TableCare
from jobs.maintain.settings import MaintainSettings
from jobs.shared import documents, tables
from jobs.shared.entry import Report
from jobs.shared.errors import ConflictError, StorageError
from jobs.shared.log import progress, stage_logger
from jobs.shared.ports import DocumentStore
from jobs.shared.storage.delta import DeltaLake

STAGE = "maintain"
MIB = 1 << 20
SORTED_BY = {tables.USER_EVENTS.name: "ts_min"}
"""Order of rows that a rewrite must keep, because readers skip by it."""
USER = "user_id"

logger = stage_logger(STAGE)


def run(lake: DeltaLake, settings: MaintainSettings, now: datetime, care_for: Iterable[tables.Table] = tables.ALL) -> Report:
    """Compact, checkpoint and vacuum what needs it."""
    seen = changed = skipped = left = removed = added = deleted = 0
    for table in care_for:
        care = TableCare(lake, table)
        if not care.exists():
            continue
        seen += 1
        try:
            before, after = _compact(care, settings)
            gone = _vacuum(care, settings, now)
            if before or gone:
                care.checkpoint()
        except ConflictError as error:
            logger.warning("left for the next run", extra={"table": table.name, "error": str(error)})
            left += 1
            continue
        removed, added, deleted = removed + before, added + after, deleted + gone
        changed += bool(before or gone)
        skipped += not (before or gone)
        if before or gone:
            progress(logger, table.name, seen, None, files_compacted=before, files_written=after, files_deleted=gone)
    details = {"files_compacted": removed, "files_written": added, "files_deleted": deleted}
    return Report(read=seen, written=changed, skipped=skipped, failed=left, details=details | ({} if changed or left else {"nothing_to_do": True}))


def _compact(care: TableCare, settings: MaintainSettings) -> tuple[int, int]:
    target = settings.target_mb * MIB
    partitions = core.crowded(care.files(), care.table.partition_by, small_bytes=target // 2, from_files=settings.compact_from)
    results = [care.compact(partition, target, SORTED_BY.get(care.table.name)) for partition in partitions]
    return sum(before for before, _ in results), sum(after for _, after in results)


def _vacuum(care: TableCare, settings: MaintainSettings, now: datetime) -> int:
    retention = timedelta(days=settings.retention_days)
    last = care.vacuumed_at()
    if last is not None and now - last < timedelta(hours=settings.vacuum_every_hours):
        return 0
    return care.vacuum(retention) if care.unused(retention) else 0


def erase(lake: DeltaLake, store: DocumentStore, user_id: str) -> Report:
    """Remove one listener everywhere, search for them again, and report what was there; StorageError if something is left."""
    found: dict[str, int] = {}
    for table in tables.ALL:
        care = TableCare(lake, table)
        if USER not in table.schema.names or not care.exists():
            continue
        newest = lake.newest(table)
        found[table.name] = care.forget(USER, user_id, newest.provenance if newest else None)
        # Also where no row is left: a run that was killed here may have deleted the rows and not the files.
        care.vacuum_replaced()
        care.checkpoint()
        progress(logger, f"erased from {table.name}", found[table.name])
    collection = documents.FINAL_RECOMMENDATIONS
    found[collection.name] = int(store.delete(collection, user_id))
    remaining = _search(lake, store, user_id)
    if any(remaining.values()):
        raise StorageError(f"the listener came back while they were erased, run it again: {remaining}")
    kept = {topic: f"{days} days" for topic, days in (("user-events", 7), ("user-events.dead", 30))}
    return Report(written=sum(found.values()), details={"erased": found, "found_after": remaining, "kept_by_kafka_for": kept})


def _search(lake: DeltaLake, store: DocumentStore, user_id: str) -> dict[str, int]:
    found = {table.name: lake.read(table, [USER], [(USER, "=", user_id)]).num_rows for table in tables.ALL if USER in table.schema.names}
    collection = documents.FINAL_RECOMMENDATIONS
    return found | {collection.name: int(store.get(collection, user_id) is not None)}
