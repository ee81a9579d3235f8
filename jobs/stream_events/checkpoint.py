"""What a Structured Streaming checkpoint says, read without Spark: the query's id and the offsets that are done."""

import json
import os
from typing import Any

import pyarrow.fs as pafs

from jobs.shared.errors import StorageError
from jobs.shared.settings import LakeSettings


class Checkpoint:
    """The checkpoint below one address, a folder or s3://."""

    def __init__(self, uri: str, lake: LakeSettings) -> None:
        self._uri = uri
        if uri.startswith("s3://"):
            self._root = uri.removeprefix("s3://")
            self._files: pafs.FileSystem = pafs.S3FileSystem(
                region=lake.s3.region, endpoint_override=lake.s3.endpoint_url, connect_timeout=5, request_timeout=60
            )
        else:
            self._root = os.path.abspath(uri)
            self._files = pafs.LocalFileSystem()

    @property
    def spark_uri(self) -> str:
        """The address in Spark's terms."""
        return self._uri.replace("s3://", "s3a://", 1) if self._uri.startswith("s3://") else self._root

    def query_id(self) -> str:
        """The id that the query keeps as long as this checkpoint exists; Spark writes it before the first batch."""
        text = self._read("metadata")
        if not text:
            raise StorageError(f"the stream's checkpoint {self._uri} has no metadata")
        return str(json.loads(text)["id"])

    def done(self, topic: str) -> dict[int, int] | None:
        """By partition, the offset up to which all is stored; None while a batch was begun and not finished."""
        begun, finished = self._newest("offsets"), self._newest("commits")
        if begun is None:
            return {}
        if begun != finished:
            return None
        return self._offsets(begun, topic)

    def stored(self, topic: str) -> dict[int, int]:
        """By partition, the offset up to which all is stored by finished batches, also while a further batch runs."""
        finished = self._newest("commits")
        return {} if finished is None else self._offsets(finished, topic)

    def _offsets(self, batch: int, topic: str) -> dict[int, int]:
        # Version line, metadata line, then one line a source.
        offsets = json.loads(self._read(f"offsets/{batch}").splitlines()[2])
        return {int(partition): int(offset) for partition, offset in offsets.get(topic, {}).items()}

    def _newest(self, folder: str) -> int | None:
        selector = pafs.FileSelector(f"{self._root}/{folder}", allow_not_found=True)
        numbers = [int(found.base_name) for found in self._on_store(self._files.get_file_info, selector) if found.base_name.isdigit()]
        return max(numbers, default=None)

    def _read(self, name: str) -> str:
        path = f"{self._root}/{name}"
        info = self._on_store(self._files.get_file_info, path)
        if info.type == pafs.FileType.NotFound:
            return ""
        with self._on_store(self._files.open_input_stream, path) as stream:
            return bytes(self._on_store(stream.read)).decode()

    def _on_store(self, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except OSError as error:
            raise StorageError(f"cannot read the stream's checkpoint {self._uri}: {error}") from error
