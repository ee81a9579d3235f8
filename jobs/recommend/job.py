"""Make the list of every listener, for the newest generation of factors and for its backtest twin.

Reads als_user_factors, als_episode_factors, similarities, user_vs_episode_daily, episodes, podcasts, evaluations (the live generation is
kept). Writes recommendations: first the twin's lists, then the generation's; old generations leave in that last commit. Needs the lake
and Spark.

Candidates come from four sources: collaborative (factors), similar (neighbours of what was engaged with), popular and fresh. Each source's
scores are made comparable by rank, mixed by weights that depend on how much the listener has heard, cut by show. Heard and refused
episodes are left out. The twin knows only what was known before the split day. The listener `*` gets the list of everybody without one.
Delivery: each generation is replaced in one commit. Without new input or changed settings the stage ends at once.
An episode that is not in `episodes` yet is passed over.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from jobs.recommend.settings import RecommendSettings
from jobs.shared.documents import DEFAULT_USER
from jobs.shared.engagement import USED_UP_SQL, recency
from jobs.shared.entry import Report
from jobs.shared.generations import expired, is_twin, live, twin
from jobs.shared.log import progress, stage_logger
from jobs.shared.models import Provenance
from jobs.shared.ports import TableReader
from jobs.shared.tables import (
    ALS_EPISODE_FACTORS,
    ALS_USER_FACTORS,
    EPISODES,
    EVALUATIONS,
    PODCASTS,
    RECOMMENDATIONS,
    SIMILARITIES,
    USER_VS_EPISODE_DAILY,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.shared.storage.spark_delta import SparkLake

STAGE = "recommend"
SOURCES = (ALS_EPISODE_FACTORS, SIMILARITIES, USER_VS_EPISODE_DAILY, EPISODES)
logger = stage_logger(STAGE)


@dataclass(frozen=True)
class Plan:
    """The generation whose lists are to be made."""

    generation: str
    split_day: date | None
    as_of: datetime
    """When the newest of the data was written: the lists' present."""
    provenance: Provenance
    expired: list[str]


def plan(lake: TableReader, settings: RecommendSettings) -> Plan | None:
    """What there is to do, None where nothing is new."""
    commits = {table.name: lake.newest(table) for table in SOURCES}
    factors = commits[ALS_EPISODE_FACTORS.name]
    trained = factors.provenance if factors else None
    if trained is None or is_twin(trained.note["generation"]):
        logger.info("no whole generation of factors: run train_als")
        return None
    shows = lake.read(PODCASTS, ["podcast_id", "title"])
    provenance = Provenance(
        stage=STAGE,
        settings=settings.digest("lists"),
        sources={name: commit.version for name, commit in commits.items() if commit},
        # The table of shows changes with every fetch; only their titles matter here.
        note=trained.note | {"shows": _digest(shows)},
    )
    newest = lake.newest(RECOMMENDATIONS)
    if newest is not None and newest.provenance == provenance:
        return None
    generation = trained.note["generation"]
    split = trained.note.get("split_day")
    return Plan(
        generation,
        date.fromisoformat(split) if split else None,
        max(commit.committed_at for commit in commits.values() if commit),
        provenance,
        _expired(lake, generation, settings.keep_generations),
    )


def run(tables: TableReader, lake: "SparkLake", plan: Plan, settings: RecommendSettings, now: datetime) -> Report:
    """Make and write the twin's lists, then the generation's."""
    if plan.split_day is not None:
        _write(tables, lake, plan, settings, generation=twin(plan.generation), before=plan.split_day, now=now)
    _write(tables, lake, plan, settings, generation=plan.generation, before=None, now=now)
    entries = tables.read(RECOMMENDATIONS, ["user_id"], [("generation", "=", plan.generation)])
    listeners = len(entries["user_id"].unique())
    return Report(read=listeners, written=entries.num_rows, details={"generation": plan.generation, "listeners": listeners})


def _write(tables: TableReader, lake: "SparkLake", plan: Plan, settings: RecommendSettings, *, generation: str, before: date | None, now: datetime) -> None:
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    from jobs.recommend import core

    progress(logger, f"lists of {generation}", 0, 1)
    daily = lake.read(USER_VS_EPISODE_DAILY).where(F.col("user_id") != DEFAULT_USER)
    if before is not None:
        daily = daily.where(F.col("day") < F.lit(before))
    days = sorted(row["day"] for row in daily.select("day").distinct().collect())
    cut = datetime.combine(before, time(), UTC) if before else None
    episodes = core.catalogue(
        episodes=tables.read(EPISODES, ["episode_id", "podcast_id", "title", "published_at"]),
        podcasts=tables.read(PODCASTS, ["podcast_id", "title"]),
        factors=tables.read(ALS_EPISODE_FACTORS, ["episode_id", "factors"], [("generation", "=", generation)]),
        similarities=tables.read(SIMILARITIES),
        popularity=_popularity(daily, days, settings).toArrow(),
        settings=settings.lists,
        as_of=cut or plan.as_of,
        before=cut,
    )
    shared = daily.sparkSession.sparkContext.broadcast(episodes)
    policy = settings.lists

    def blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from core.lists(pa.Table.from_batches([batch]).cast(core.LISTENERS), shared.value, policy).to_batches()

    factors = lake.read(ALS_USER_FACTORS).where(F.col("generation") == generation).select("user_id", "factors")
    lists = _listeners(daily, days, factors, settings).mapInArrow(blocks, from_arrow_schema(core.LISTS))
    lists = lists.withColumns({"generation": F.lit(generation), "generated_at": F.lit(now)})
    # The twin leaves old generations alone: until the new one is whole, they are the newest.
    leaving = plan.expired if before is None else []
    provenance = plan.provenance.model_copy(update={"note": plan.provenance.note | {"generation": generation}})
    lake.replace(RECOMMENDATIONS, lists, [("generation", "in", [generation, *leaving])], provenance)
    progress(logger, f"lists of {generation}", 1, 1)


def _popularity(daily: "DataFrame", days: list[date], settings: RecommendSettings) -> "DataFrame":
    from pyspark.sql import functions as F

    recent = [day for day in days if day > days[-1] - timedelta(days=settings.lists.popular_days)]
    engaged = daily.where(F.col("day").isin(recent) & (F.col("engagement") > 0))
    return engaged.groupBy("episode_id").agg(F.sum("engagement").alias("popularity"))


def _listeners(daily: "DataFrame", days: list[date], factors: "DataFrame", settings: RecommendSettings) -> "DataFrame":
    """Every listener with factors and history, and the one without either who stands for all that are unknown."""
    from pyspark.sql import functions as F

    spark = daily.sparkSession
    worth = spark.createDataFrame([(day, recency(day, days[-1], settings.lists.half_life_days)) for day in days], "day date, worth double")
    summed = (
        daily.join(F.broadcast(worth), "day")
        .groupBy("user_id", "episode_id")
        .agg(
            F.sum(F.col("engagement") * F.col("worth")).alias("engagement"),
            *(F.sum(name).alias(name) for name in ("skips", "completes", "likes", "listened_s")),
            F.max("rating").alias("rating"),
        )
    )
    history = (
        summed.select(
            "user_id",
            F.struct(
                "episode_id",
                "engagement",
                F.expr(USED_UP_SQL).alias("used_up"),
                (F.col("completes") > 0).alias("finished"),
                (F.col("likes") > 0).alias("liked"),
            ).alias("item"),
        )
        .groupBy("user_id")
        .agg(F.collect_list("item").alias("history"))
    )
    known = history.join(factors, "user_id", "full_outer")
    unknown = spark.range(0, 1, 1, 1).select(F.lit(DEFAULT_USER).alias("user_id"))
    return known.unionByName(unknown, allowMissingColumns=True).select(
        "user_id", "factors", F.coalesce("history", F.array().cast(known.schema["history"].dataType)).alias("history")
    )


def _expired(lake: TableReader, new: str, keep: int) -> list[str]:
    found = lake.read(RECOMMENDATIONS, ["generation"])["generation"].unique().to_pylist()
    verdicts = lake.read(EVALUATIONS, ["generation", "verdict"])
    served = live(zip(verdicts["generation"].to_pylist(), verdicts["verdict"].to_pylist(), strict=True))
    return expired(found, [new, *([served] if served else [])], keep)


def _digest(rows: pa.Table) -> str:
    return hashlib.sha256(repr(sorted(map(tuple, (row.values() for row in rows.to_pylist())))).encode()).hexdigest()[:12]
