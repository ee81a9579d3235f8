"""Reads of final_recommendations while publish replaces all of it: `python -m tests.bench.bench_serving`.

On the embedded server of the demo, which is not MongoDB: the figures say that no read is empty and what a replacement costs readers
here, not how fast MongoDB is.
"""

import argparse
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pymongo import MongoClient

from demo.mongo import MongoServer
from demo.server import free_port
from jobs.publish import job
from jobs.publish.settings import PublishSettings
from jobs.shared.documents import FINAL_RECOMMENDATIONS
from jobs.shared.settings import LakeSettings, MongoSettings
from jobs.shared.storage.memory import MemoryLake
from jobs.shared.storage.mongo import MongoStore
from tests.support.promoted import MADE_AT, promote, stock


class Readers:
    """Threads that read random listeners' documents, as front ends do, and keep how long each read took."""

    def __init__(self, uri: str, listeners: list[str], count: int) -> None:
        self.uri, self.listeners = uri, listeners
        self.taken_ms: list[float] = []
        self.empty = 0
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._read, args=(seed,)) for seed in range(count)]

    def __enter__(self) -> "Readers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()

    def _read(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        with MongoClient(self.uri) as client:
            collection = client["earshot"][FINAL_RECOMMENDATIONS.name]
            while not self.done.is_set():
                listener = self.listeners[rng.integers(len(self.listeners))]
                begin = time.perf_counter()
                document = collection.find_one({"_id": listener})
                self.taken_ms.append(1000 * (time.perf_counter() - begin))
                self.empty += document is None or not document["recommendations"]

    def row(self, name: str) -> str:
        p50, p99 = np.percentile(self.taken_ms, [50, 99])
        return f"{name:34}{len(self.taken_ms):9}{p50:11.2f} ms{p99:11.2f} ms{self.empty:8}"


def measure(server: MongoServer, users: int, readers: int, replacements: int) -> None:
    settings = PublishSettings(lake=LakeSettings(uri="unused"), mongo=MongoSettings(uri=server.uri))
    lake = MemoryLake()
    stock(lake)
    promote(lake, "g00", users=users)
    with MongoStore(settings.mongo) as store:
        job.run(lake, store, settings, datetime.now(UTC))
        listeners = store.keys(FINAL_RECOMMENDATIONS, users + 1)
        print(f"the demo's embedded server (not MongoDB), {users} listeners, {readers} readers")
        print(f"{'':34}{'reads':>9}{'p50':>14}{'p99':>14}{'empty':>8}")
        with Readers(server.uri, listeners, readers) as alone:
            time.sleep(5)
        print(alone.row("nothing is written"))
        begin = time.perf_counter()
        with Readers(server.uri, listeners, readers) as meanwhile:
            for number in range(1, replacements + 1):
                promote(lake, f"g{number:02}", users=users, first=number, made_at=MADE_AT + timedelta(seconds=number))
                job.run(lake, store, settings, datetime.now(UTC))
        each = (time.perf_counter() - begin) / replacements
        print(meanwhile.row(f"during {replacements} replacements of all"))
        print(f"a replacement of {users + 1} documents takes {each:.2f} s with the readers beside it")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_serving", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--replacements", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with MongoServer(free_port(), folder, folder / "mongo.log") as server:
            measure(server, arguments.users, arguments.readers, arguments.replacements)


if __name__ == "__main__":
    main()
