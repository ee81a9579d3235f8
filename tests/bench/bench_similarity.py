"""All-pairs neighbours of the stage beside FAISS's exact index and plain NumPy: `python -m tests.bench.bench_similarity`."""

import argparse
import importlib.util
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from jobs.similarity import core

COUNT = 20
ROWS = 1024


def unit(rows: int, width: int) -> core.Vectors:
    """Vectors around 200 topics, so that neighbours are as close as those of episodes."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((200, width))[rng.integers(0, 200, rows)] + rng.standard_normal((rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def stage(vectors: core.Vectors) -> core.Positions:
    """What the tasks of the stage do, one task a core with one thread each."""
    everyone = np.arange(len(vectors))

    def block(begin: int) -> core.Positions:
        return core.nearest(vectors, everyone[begin : begin + ROWS], everyone, COUNT).positions

    with threadpool_limits(1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return np.concatenate(list(pool.map(block, range(0, len(vectors), ROWS))))


def plain(vectors: core.Vectors) -> core.Positions:
    """One matrix product and one partition a block."""
    found = []
    for begin in range(0, len(vectors), ROWS):
        products = vectors[begin : begin + ROWS] @ vectors.T
        products[np.arange(len(products)), begin + np.arange(len(products))] = -1
        best = np.argpartition(products, len(vectors) - COUNT, axis=1)[:, -COUNT:]
        order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1)
        found.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(found)


def faiss_flat(vectors: core.Vectors) -> core.Positions:
    """The peer: an exact index, asked for one more because it finds each vector itself."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index.search(vectors, COUNT + 1)[1][:, 1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000])
    parser.add_argument("--widths", type=int, nargs="*", default=[384])
    arguments = parser.parse_args()
    methods: dict[str, Callable[[core.Vectors], core.Positions]] = {"stage": stage, "NumPy argpartition": plain}
    if importlib.util.find_spec("faiss"):
        methods["FAISS IndexFlatIP"] = faiss_flat
    else:
        print("FAISS is not installed here (the extra `bench` brings it): no ratio to it")
    print(f"top {COUNT} of all pairs, float32, {len(os.sched_getaffinity(0))} cores; ratio: time of the peer / time of the stage")
    print(f"{'vectors':>8} {'width':>6}  {'method':20} {'s':>7} {'ratio':>6} {'same lists':>10}")
    for width in arguments.widths:
        for rows in arguments.sizes:
            vectors = unit(rows, width)
            expected, ours_s = None, 0.0
            for name, method in methods.items():
                began = time.perf_counter()
                found = method(vectors)
                took_s = time.perf_counter() - began
                if expected is None:
                    expected, ours_s = found, took_s
                same = (found == expected).all(axis=1).mean()
                print(f"{rows:>8} {width:>6}  {name:20} {took_s:>7.2f} {took_s / ours_s:>6.2f} {same:>10.4f}", flush=True)


if __name__ == "__main__":
    main()
