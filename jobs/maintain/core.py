"""Which partitions are worth a rewrite."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def crowded(files: pa.Table, partition_by: Sequence[str], *, small_bytes: int, from_files: int) -> list[dict[str, str]]:
    """Partitions, as column to value, with at least `from_files` files smaller than `small_bytes`; {} is a table without partitions.

    `files` is one row a file: size_bytes, and a column a partition column.
    """
    small = files.filter(pc.less(files["size_bytes"], small_bytes))
    if not partition_by:
        return [{}] if small.num_rows >= from_files else []
    counted = small.group_by(list(partition_by)).aggregate([([], "count_all")])
    full = counted.filter(pc.greater_equal(counted["count_all"], from_files)).sort_by([(name, "ascending") for name in partition_by])
    return [{name: str(row[name]) for name in partition_by} for row in full.to_pylist()]
