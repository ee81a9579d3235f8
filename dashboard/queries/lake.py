"""Read-only SQL over the Delta tables by DuckDB: every declared table is a view over its newest snapshot."""

import importlib.util
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from jobs.shared.errors import StorageError
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake
from jobs.shared.tables import Table

OFFLINE: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""Extensions come from packages; DuckDB would otherwise download them."""


class MissingTable(Exception):  # noqa: N818  # not an error: the stage that writes the table has not run yet
    """A table that a page rests on was never written, or holds nothing."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.name)
        self.table = table


class Lake:
    """Answers SQL over the tables below one address; usable from many threads."""

    def __init__(self, settings: LakeSettings) -> None:
        self.delta = DeltaLake(settings)
        self._settings = settings
        self._connection = connect(settings)
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        return self._settings.uri

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None, *, needs: Sequence[Table] = (), may_use: Sequence[Table] = ()) -> pa.Table:
        """The answer as Arrow; MissingTable where a table of `needs` was never written, while those of `may_use` then read as empty.

        StorageError where the lake cannot be read.
        """
        for table in needs:
            if not self.view(table):
                raise MissingTable(table)
        for table in may_use:
            self.view(table)
        try:
            return self._connection.cursor().execute(sql, dict(parameters or {})).to_arrow_table()
        except (duckdb.OperationalError, duckdb.InvalidInputException) as error:
            for table in needs:
                # Removed since it was last seen: nothing yet, and no outage.
                if not self.exists(table):
                    raise MissingTable(table) from error
            raise StorageError(f"cannot query the lake {self.uri}: {error}") from error

    def view(self, table: Table) -> bool:
        """Make the table's view, over no rows where the table was never written; whether it was."""
        with self._lock:
            if table.name in self._seen:
                return True
            found = self.exists(table)
            source = f"delta_scan({quoted(self.address(table))})" if found else f"(SELECT {_no_columns(table)}) WHERE false"
            try:
                self._connection.cursor().execute(f"CREATE OR REPLACE VIEW {table.name} AS SELECT {', '.join(table.columns)} FROM {source}")  # noqa: S608
            except duckdb.Error as error:
                raise StorageError(f"cannot open the Delta table {self.address(table)}: {error}") from error
            if found:
                self._seen.add(table.name)
            return found

    def exists(self, table: Table) -> bool:
        """Whether the table was ever written; StorageError where that cannot be found out."""
        return self.open(table) is not None

    def open(self, table: Table) -> DeltaTable | None:
        """The table's newest snapshot, None where it was never written; StorageError where that cannot be found out."""
        self._seen.discard(table.name)
        if not self._settings.is_s3:
            try:
                # delta-rs calls a folder that may not be read, or is none, a table not found.
                with os.scandir(Path(self.uri) / table.name / "_delta_log"):
                    pass
            except FileNotFoundError:
                return None
            except OSError as error:
                raise StorageError(f"cannot read the lake {self.uri}: {error.strerror} ({error.filename})") from error
        return self.delta.open(table)

    def address(self, table: Table) -> str:
        """The table's folder as DuckDB takes it."""
        uri = self.delta.uri(table)
        return uri if self._settings.is_s3 else str(Path(uri).absolute())


def connect(settings: LakeSettings) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that reads Delta, offline, with the object store's keys from the environment."""
    connection = duckdb.connect(config=OFFLINE)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"LOAD {quoted(str(extension('delta')))}")
    if settings.is_s3:
        connection.execute(f"LOAD {quoted(str(extension('httpfs')))}")
        connection.execute("SET http_timeout = 30")
        connection.execute("SET http_retries = 2")
        connection.execute(f"CREATE SECRET lake ({', '.join(f'{name} {value}' for name, value in _secret(settings).items())})")
    return connection


def extension(name: str) -> Path:
    """The packaged extension for this DuckDB; StorageError where its package is not installed."""
    package = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in package.submodule_search_locations or () if package else ():
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    raise StorageError(f"DuckDB {duckdb.__version__} has no packaged {name} extension; install duckdb-extension-{name}=={duckdb.__version__}")


def quoted(text: str) -> str:
    """The text as an SQL literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def _secret(settings: LakeSettings) -> dict[str, str]:
    secret = {"TYPE": "s3", "SCOPE": quoted(settings.uri), "REGION": quoted(settings.s3.region)}
    for name, variable in (("KEY_ID", "AWS_ACCESS_KEY_ID"), ("SECRET", "AWS_SECRET_ACCESS_KEY"), ("SESSION_TOKEN", "AWS_SESSION_TOKEN")):
        if os.environ.get(variable):
            secret[name] = quoted(os.environ[variable])
    if settings.s3.endpoint_url:
        scheme, _, host = settings.s3.endpoint_url.partition("://")
        secret |= {"ENDPOINT": quoted(host.rstrip("/")), "URL_STYLE": quoted("path"), "USE_SSL": str(scheme == "https").lower()}
    return secret


def _no_columns(table: Table) -> str:
    return ", ".join(f"CAST(NULL AS {_sql_type(field.type)}) AS {field.name}" for field in table.schema)


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return _sql_type(kind.value_type) + "[]"
    if pa.types.is_struct(kind):
        return "STRUCT(" + ", ".join(f"{field.name} {_sql_type(field.type)}" for field in kind) + ")"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    return {"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "date32[day]": "DATE", "bool": "BOOLEAN"}[
        str(kind)
    ]
