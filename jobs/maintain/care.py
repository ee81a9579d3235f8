"""What only maintenance asks of a Delta table, by delta-rs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from jobs.shared.errors import ConflictError, StorageError
from jobs.shared.models import Provenance
from jobs.shared.storage.delta import DeltaLake, properties, sql
from jobs.shared.tables import Table

T = TypeVar("T")
ATTEMPTS = 5
RECENT = 200
"""Newest commits that are searched for the last deletion of files."""


class TableCare:
    """One table, opened at its newest version for every call. Other writers, of delta-rs, may go on meanwhile: a commit that meets
    theirs is made again or refused, never lost."""

    def __init__(self, lake: DeltaLake, table: Table) -> None:
        self._lake = lake
        self.table = table

    def exists(self) -> bool:
        return self._lake.open(self.table) is not None

    def files(self) -> pa.Table:
        """Size and partition of every file of the newest version."""
        actions = self._do("list the files of", lambda opened: pa.table(opened.get_add_actions(flatten=True)))
        columns = {"size_bytes": actions["size_bytes"]} | {name: actions[f"partition.{name}"] for name in self.table.partition_by}
        return pa.table(columns)

    def compact(self, partition: Mapping[str, str], target_bytes: int, sort_by: str | None) -> tuple[int, int]:
        """Write the small files of one partition together; files removed and added. Sorted, if a column is named."""
        filters = [(name, "=", value) for name, value in partition.items()] or None

        def rewrite(opened: DeltaTable) -> dict[str, Any]:
            if sort_by is not None:
                # Z-order by one column is a sort.
                return opened.optimize.z_order([sort_by], partition_filters=filters, target_size=target_bytes)
            return opened.optimize.compact(partition_filters=filters, target_size=target_bytes)

        metrics = self._do("compact", rewrite)
        return int(metrics["numFilesRemoved"]), int(metrics["numFilesAdded"])

    def checkpoint(self) -> None:
        """Write the state of the table as one file, so that readers need not read every commit."""
        self._do("write a checkpoint of", lambda opened: opened.create_checkpoint())

    def vacuumed_at(self) -> datetime | None:
        """When unused files were deleted last."""
        history = self._do("read the history of", lambda opened: opened.history(RECENT))
        ends = [entry["timestamp"] for entry in history if entry.get("operation") == "VACUUM END"]
        return datetime.fromtimestamp(max(ends) / 1000, tz=UTC) if ends else None

    def unused(self, retention: timedelta) -> int:
        """Number of files that no version within `retention` uses, those of writes that were killed included.

        Files that are deleted already are counted until the log forgets them.
        """
        return len(self._vacuum(retention, dry_run=True, full=True))

    def vacuum(self, retention: timedelta) -> int:
        """Delete the files that no version within `retention` uses, those of writes that were killed included, and return their number."""
        return len(self._vacuum(retention, dry_run=False, full=True))

    def vacuum_replaced(self) -> int:
        """Delete every file that the newest version replaced. Files of no version are kept: a write may be about to commit them."""
        return len(self._vacuum(timedelta(0), dry_run=False, full=False))

    def forget(self, column: str, value: str, provenance: Provenance | None) -> int:
        """Delete the rows with this value and return their number. The table keeps its provenance: nothing new came."""

        def delete(opened: DeltaTable) -> int:
            return int(opened.delete(sql([(column, "=", value)]), commit_properties=properties(provenance))["num_deleted_rows"])

        return self._do("delete rows from", delete)

    def _vacuum(self, retention: timedelta, *, dry_run: bool, full: bool) -> list[str]:
        hours = int(retention / timedelta(hours=1))
        return self._do("vacuum", lambda opened: opened.vacuum(hours, dry_run=dry_run, full=full, enforce_retention_duration=False))

    def _do(self, what: str, action: Callable[[DeltaTable], T]) -> T:
        for attempt in range(ATTEMPTS):
            opened = self._lake.open(self.table)
            if opened is None:
                raise StorageError(f"cannot {what} {self._lake.uri(self.table)}: it is gone")
            try:
                return action(opened)
            except CommitFailedError as error:
                if attempt == ATTEMPTS - 1:
                    raise ConflictError(f"cannot {what} {self._lake.uri(self.table)}: other writers were always first ({error})") from error
            except (DeltaError, OSError) as error:
                raise StorageError(f"cannot {what} the Delta table {self._lake.uri(self.table)}: {error}") from error
        raise AssertionError("unreachable")
