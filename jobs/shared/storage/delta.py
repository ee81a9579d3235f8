"""Delta tables by delta-rs, in a folder or on S3: the writer of the Python stages and everybody's cheap look at versions."""

import json
import os
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from pydantic import ValidationError

from jobs.shared.errors import ConflictError, SettingsError, StorageError
from jobs.shared.models import Commit, Provenance
from jobs.shared.ports import Where
from jobs.shared.settings import LakeSettings
from jobs.shared.tables import Table

PROVENANCE_KEY = "userMetadata"
"""The commit-info field that Spark fills from `userMetadata`; delta-rs writes the same one."""
MAX_CONFLICT_RETRIES = 8
MAINTENANCE = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "CREATE TABLE", "SET TBLPROPERTIES", "FSCK"})


class DeltaLake:
    """Reads and writes the tables below one address."""

    def __init__(self, settings: LakeSettings) -> None:
        self._settings = settings
        self._options = storage_options(settings)

    def uri(self, table: Table) -> str:
        return f"{self._settings.uri}/{table.name}"

    def open(self, table: Table) -> DeltaTable | None:
        """The table at its newest version, None where it was never written."""
        try:
            return DeltaTable(self.uri(table), storage_options=self._options)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            raise self._failure("open", table, error) from error

    def create(self, table: Table) -> DeltaTable:
        """The table, made with its schema, partitions and properties where it is missing."""
        found = self.open(table)
        if found is not None:
            return found
        try:
            return DeltaTable.create(
                self.uri(table),
                schema=table.schema,
                mode="ignore",
                partition_by=list(table.partition_by),
                configuration=dict(table.properties),
                storage_options=self._options,
            )
        except (DeltaError, OSError) as error:
            # Another process may have made it in the same moment.
            found = self.open(table)
            if found is not None:
                return found
            raise self._failure("create", table, error) from error

    def read(self, table: Table, columns: Sequence[str] | None = None, where: Where = ()) -> pa.Table:
        names = list(columns) if columns is not None else table.columns
        wanted = pa.schema([table.schema.field(name) for name in names])
        found = self.open(table)
        if found is None:
            return wanted.empty_table()
        try:
            # DataFusion skips files by their statistics; the Arrow dataset reader of delta-rs 1.6 cannot compare strings with them.
            query = f"SELECT {', '.join(names)} FROM rows" + (f" WHERE {sql(where)}" if where else "")  # noqa: S608  # literals are quoted by sql()
            batches = QueryBuilder().register("rows", found).execute(query)
            return pa.RecordBatchReader.from_stream(batches).read_all().cast(wanted)
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise self._failure("read", table, error) from error

    def newest(self, table: Table) -> Commit | None:
        found = self.open(table)
        if found is None:
            return None
        limit = 20
        while True:
            try:
                history = found.history(limit)
            except (DeltaError, OSError) as error:
                raise self._failure("read the history of", table, error) from error
            for entry in history:
                if entry.get("operation") not in MAINTENANCE:
                    return _commit(entry)
            if len(history) < limit:
                return None
            limit *= 10

    def append(self, table: Table, rows: pa.Table, provenance: Provenance | None = None) -> None:
        if table.key:
            raise ValueError(f"{table.name} has a key: upsert or replace it")
        if rows.num_rows:
            self._commit("append to", table, lambda opened: self._write(opened, table, rows, provenance, mode="append"))

    def append_once(self, table: Table, rows: pa.Table, transaction: tuple[str, int]) -> bool:
        application, version = transaction
        added = False

        def write(opened: DeltaTable) -> None:
            nonlocal added
            done = opened.transaction_version(application)
            if done is None or done < version:
                marked = CommitProperties(app_transactions=[Transaction(application, version)])
                write_deltalake(opened, rows.cast(table.schema), mode="append", commit_properties=marked)
                added = True

        self._commit("append to", table, write)
        return added

    def upsert(self, table: Table, rows: pa.Table, provenance: Provenance | None = None) -> None:
        if not table.key:
            raise ValueError(f"{table.name} has no key: append to it")
        if not rows.num_rows:
            return
        source = last_of_each_key(table, rows.cast(table.schema))
        # Partition columns are part of a key only where an entity never moves; then they prune the merge.
        predicate = " AND ".join(f"t.{column} = s.{column}" for column in table.key)

        def merge(opened: DeltaTable) -> None:
            (
                opened.merge(source, predicate, source_alias="s", target_alias="t", commit_properties=properties(provenance))
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute()
            )

        self._commit("upsert into", table, merge)

    def replace(self, table: Table, rows: pa.Table, where: Where = (), provenance: Provenance | None = None) -> None:
        predicate = sql(where) if where else None
        self._commit("replace in", table, lambda opened: self._write(opened, table, rows, provenance, mode="overwrite", predicate=predicate))

    def delete(self, table: Table, where: Where) -> int:
        if self.open(table) is None:
            return 0
        deleted = 0

        def remove(opened: DeltaTable) -> None:
            nonlocal deleted
            deleted = int(opened.delete(sql(where))["num_deleted_rows"])

        self._commit("delete from", table, remove)
        return deleted

    def _write(self, opened: DeltaTable, table: Table, rows: pa.Table, provenance: Provenance | None, **how: Any) -> None:
        write_deltalake(opened, rows.cast(table.schema), commit_properties=properties(provenance), **how)

    def _commit(self, what: str, table: Table, change: Callable[[DeltaTable], None]) -> None:
        for attempt in range(MAX_CONFLICT_RETRIES):
            opened = self.create(table)
            try:
                change(opened)
                return
            except CommitFailedError as error:
                if attempt == MAX_CONFLICT_RETRIES - 1:
                    raise ConflictError(f"cannot {what} {self.uri(table)}: {error}") from error
                # Jitter keeps writers that collided once from colliding again.
                time.sleep(random.uniform(0.05, 0.2) * 2**attempt)  # noqa: S311  # no secret depends on it
            except (DeltaError, OSError, pa.ArrowException) as error:
                raise self._failure(what, table, error) from error

    def _failure(self, what: str, table: Table, error: Exception) -> StorageError:
        return StorageError(f"cannot {what} the Delta table {self.uri(table)}: {error}")


def storage_options(settings: LakeSettings) -> dict[str, str]:
    """delta-rs options of the lake: bounded waits, so that an outage is named in seconds."""
    if not settings.is_s3:
        return {}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if settings.s3.endpoint_url and not os.environ.get(name):
            raise SettingsError(f"{name}: missing in the environment; the lake {settings.uri} needs it")
    options = {
        "aws_region": settings.s3.region,
        "aws_conditional_put": "etag",
        "connect_timeout": "5s",
        "timeout": "60s",
        "max_retries": "3",
        "retry_timeout": "15s",
    }
    if settings.s3.endpoint_url:
        options |= {
            "aws_endpoint": settings.s3.endpoint_url,
            "aws_virtual_hosted_style_request": "false",
            "aws_allow_http": str(settings.s3.endpoint_url.startswith("http://")).lower(),
        }
    return options


def properties(provenance: Provenance | None) -> CommitProperties | None:
    """Commit properties that carry the provenance."""
    return CommitProperties(custom_metadata={PROVENANCE_KEY: provenance.model_dump_json()}) if provenance else None


def sql(where: Where) -> str:
    """The conditions as the SQL that delta-rs and Spark take."""
    return " AND ".join(f"{column} {operator} {_literal(value)}" for column, operator, value in where)


def _literal(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, list | tuple | set | frozenset):
        return "(" + ", ".join(_literal(item) for item in value) + ")"
    return "'" + str(value).replace("'", "''") + "'"


def last_of_each_key(table: Table, rows: pa.Table) -> pa.Table:
    """`rows` with the last row of each key only: a merge refuses a source that names a row twice."""
    positions = {key: index for index, key in enumerate(zip(*(rows[column].to_pylist() for column in table.key), strict=True))}
    return rows if len(positions) == rows.num_rows else rows.take(sorted(positions.values()))


def _commit(entry: dict[str, Any]) -> Commit:
    text = entry.get(PROVENANCE_KEY)
    try:
        provenance = Provenance.model_validate(json.loads(text)) if text else None
    except (json.JSONDecodeError, ValidationError):
        # Somebody else's metadata: the commit is of unknown origin, and the stage works again.
        provenance = None
    return Commit(
        version=entry["version"],
        committed_at=datetime.fromtimestamp(entry["timestamp"] / 1000, tz=UTC),
        provenance=provenance,
    )
