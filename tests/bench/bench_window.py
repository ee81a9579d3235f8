"""The Live page's five-minute look at 2,000 commits of 500 events, against the ways it could have been asked.

`python -m tests.bench.bench_window [--commits N] [--rows N]` prints the median of each and how many times faster the page's own is than the naive query.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from dashboard.queries import live
from dashboard.queries.lake import Lake, connect, quoted
from jobs.shared import tables
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.delta import DeltaLake

WINDOW_MIN = 5
COMMIT_S = 30
"""Each commit holds the events of half a minute."""
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = np.array(["play", "pause", "skip", "complete", "like", "rate"])


def events(commit: int, rows: int, rng: np.random.Generator) -> pa.Table:
    seconds = int(BEGIN.timestamp()) + commit * COMMIT_S + np.sort(rng.integers(0, COMMIT_S, rows))
    kinds = KINDS[rng.integers(0, len(KINDS), rows)]
    stars = rng.integers(1, 6, rows)
    columns = {
        "event_id": [f"{commit}-{row}" for row in range(rows)],
        "user_id": [f"u{number}" for number in rng.integers(0, 500, rows)],
        "episode_id": [f"e{number}" for number in rng.integers(0, 80, rows)],
        "kind": kinds,
        "rating": pa.array(stars, pa.int32(), mask=kinds != "rate"),
        "position_s": rng.random(rows) * 3000,
        "ts": pa.array(seconds * 1_000_000, tables.TIMESTAMP),
        "ts_min": pa.array(seconds // 60, pa.int32()),
    }
    return pa.table(columns)


def build(folder: Path, commits: int, rows: int) -> None:
    """The table as a stream of micro-batches leaves it; written file by file, since 2,000 real commits take minutes."""
    DeltaLake(LakeSettings(uri=str(folder))).create(tables.USER_EVENTS)
    root, rng = folder / tables.USER_EVENTS.name, np.random.default_rng(1)
    for commit in range(commits):
        batch = events(commit, rows, rng)
        day = f"{datetime.fromtimestamp(int(BEGIN.timestamp()) + commit * COMMIT_S, tz=UTC):%Y-%m-%d}"
        path = root / f"day={day}" / f"{uuid4()}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(batch, path)
        minutes, times = batch["ts_min"].to_pylist(), [f"{when:%Y-%m-%dT%H:%M:%S}.000Z" for when in (batch["ts"][0].as_py(), batch["ts"][-1].as_py())]
        added = {
            "path": str(path.relative_to(root)),
            "partitionValues": {"day": day},
            "size": path.stat().st_size,
            "modificationTime": 0,
            "dataChange": True,
            "stats": json.dumps(
                {
                    "numRecords": rows,
                    "minValues": {"ts_min": minutes[0], "ts": times[0]},
                    "maxValues": {"ts_min": minutes[-1], "ts": times[1]},
                    "nullCount": {"ts_min": 0, "ts": 0},
                }
            ),
        }
        (root / "_delta_log" / f"{commit + 1:020}.json").write_text(json.dumps({"commitInfo": {"operation": "WRITE"}}) + "\n" + json.dumps({"add": added}))


NAIVE = """WITH typed AS (SELECT try_cast(CAST(ts AS VARCHAR) AS TIMESTAMPTZ) AS ts, kind FROM delta_scan({table})), newest AS (SELECT max(ts) AS ts FROM typed)
    SELECT date_trunc('minute', typed.ts) AS minute, kind, count(*) FROM typed, newest WHERE typed.ts > newest.ts - INTERVAL 5 MINUTE GROUP BY ALL"""
NEWEST_SUBQUERY = """SELECT ts_min, kind, count(*) FROM delta_scan({table})
    WHERE ts >= (SELECT max(ts) FROM delta_scan({table})) - INTERVAL 5 MINUTE GROUP BY ALL"""
TIMESTAMP = "SELECT ts_min, kind, count(*) FROM delta_scan({table}) WHERE ts >= {cut}::TIMESTAMPTZ GROUP BY ALL"
INTEGER = "SELECT ts_min, kind, count(*) FROM delta_scan({table}) WHERE day >= {day}::DATE AND ts_min > {minute} GROUP BY ALL"


def median_ms(ask: Callable[[], object], times: int) -> float:
    ask()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken)


def measure(folder: Path, times: int) -> dict[str, float]:
    settings = LakeSettings(uri=str(folder))
    lake = Lake(settings)
    seen = live.window(lake, WINDOW_MIN)
    cut = datetime.fromtimestamp(60 * (seen.start_min + 1), tz=UTC)
    parts = {
        "table": quoted(lake.address(tables.USER_EVENTS)),
        "cut": quoted(cut.isoformat()),
        "day": quoted(cut.date().isoformat()),
        "minute": str(seen.start_min),
    }
    connection = connect(settings)
    found: dict[str, float] = {}
    for name, sql in (
        ("naive: cast, and max(ts) over the table", NAIVE),
        ("ts >= (select max(ts))", NEWEST_SUBQUERY),
        ("ts >= a timestamp known beforehand", TIMESTAMP),
        ("ts_min > an integer known beforehand, and day", INTEGER),
    ):
        text = sql.format(**parts)
        found[name] = median_ms(lambda text=text: connection.execute(text).to_arrow_table(), times)
    found["the page: files by the log's statistics, newest minute included"] = median_ms(
        lambda: live.by_kind(lake, live.window(lake, WINDOW_MIN), 1),
        times,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_window", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build(folder, arguments.commits, arguments.rows)
        bare = measure(folder, arguments.times)
        DeltaTable(str(folder / tables.USER_EVENTS.name)).create_checkpoint()
        checkpointed = measure(folder, arguments.times)
    naive = next(iter(bare.values()))
    print(f"{arguments.commits} commits of {arguments.rows} events, a window of {WINDOW_MIN} minutes; median of {arguments.times}")
    print(f"{'query':66}{'no checkpoint':>16}{'checkpoint':>14}{'against naive':>16}")
    for name, bare_ms in bare.items():
        print(f"{name:66}{bare_ms:13.1f} ms{checkpointed[name]:11.1f} ms{naive / checkpointed[name]:14.0f} x")


if __name__ == "__main__":
    main()
