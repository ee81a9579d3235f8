"""One iteration of Spark's implicit ALS, as train_als calls it, beside `implicit`: `python -m tests.bench.bench_als`."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from threadpoolctl import threadpool_limits

from jobs.shared.settings import LakeSettings, SparkSettings
from jobs.shared.spark import session
from jobs.train_als.als import checkpoints, factorise
from jobs.train_als.settings import TrainAlsSettings

JARS = Path(__file__).parents[2] / ".earshot" / "jars" / "spark"
FEW, MANY = 2, 12


def engagement(users: int, episodes: int, pairs: int) -> pd.DataFrame:
    """Pairs with popular episodes and busy listeners, as they are found everywhere (Zipf)."""
    rng = np.random.default_rng(0)
    drawn = pd.DataFrame({"user": rng.zipf(1.3, 4 * pairs) % users, "episode": rng.zipf(1.2, 4 * pairs) % episodes}).drop_duplicates().head(pairs)
    return pd.DataFrame(
        {
            "user_id": "u" + drawn["user"].astype(str),
            "episode_id": "e" + drawn["episode"].astype(str),
            "engagement": rng.integers(1, 9, len(drawn)).astype(float),
        }
    )


def with_spark(rows: DataFrame, rank: int) -> Callable[[int], None]:
    def fit(iterations: int) -> None:
        users, episodes = factorise(rows, TrainAlsSettings(lake=LakeSettings(uri="unused"), rank=rank, iterations=iterations))
        users.count()
        episodes.count()

    return fit


def with_implicit(rows: pd.DataFrame, rank: int, *, conjugate: bool) -> Callable[[int], None]:
    import implicit
    import scipy.sparse

    user, episode = rows["user_id"].astype("category").cat.codes, rows["episode_id"].astype("category").cat.codes
    matrix = scipy.sparse.csr_matrix((rows["engagement"].astype(np.float32), (user, episode)))

    def fit(iterations: int) -> None:
        # Its own threads and those of the linear algebra below would fight over the cores (its README says so).
        with threadpool_limits(1, "blas"):
            model = implicit.als.AlternatingLeastSquares(
                factors=rank, regularization=0.1, alpha=1.0, iterations=iterations, use_cg=conjugate, use_gpu=False, random_state=0
            )
            model.fit(matrix, show_progress=False)

    return fit


def seconds(fit: Callable[[int], None]) -> tuple[float, float]:
    """Of one iteration, and of everything else; both from two runs, after one to warm up."""
    fit(FEW)
    taken = []
    for iterations in (FEW, MANY):
        begin = time.perf_counter()
        fit(iterations)
        taken.append(time.perf_counter() - begin)
    each = (taken[1] - taken[0]) / (MANY - FEW)
    return each, max(0.0, taken[0] - FEW * each)


def measure(spark: SparkSession, arguments: argparse.Namespace) -> None:
    pairs = engagement(arguments.users, arguments.episodes, arguments.pairs)
    rows = spark.createDataFrame(pairs).cache()
    rows.count()
    print(f"{pairs['user_id'].nunique()} listeners, {pairs['episode_id'].nunique()} episodes, {len(pairs)} pairs, {len(os.sched_getaffinity(0))} cores")
    print(f"{'rank':>4}  {'':34}{'an iteration':>14}{'the rest':>12}")
    for rank in arguments.ranks:
        for name, fit in (
            ("train_als (Spark, exact)", with_spark(rows, rank)),
            ("implicit (exact)", with_implicit(pairs, rank, conjugate=False)),
            ("implicit (3 conjugate gradients)", with_implicit(pairs, rank, conjugate=True)),
        ):
            each, rest = seconds(fit)
            print(f"{rank:4}  {name:34}{each:12.3f} s{rest:10.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_als", description=__doc__)
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--ranks", type=int, nargs="*", default=[32, 64])
    settings = SparkSettings(jars_dir=str(JARS), driver_memory="2g")
    with tempfile.TemporaryDirectory() as scratch, session("bench", settings, LakeSettings(uri=scratch)) as spark, checkpoints(spark, f"{scratch}/checkpoints"):
        measure(spark, parser.parse_args())


if __name__ == "__main__":
    main()
