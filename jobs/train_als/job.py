"""Learn factors of listeners and episodes: one generation, and its backtest twin that saw nothing from the split day on.

Reads user_vs_episode_daily. Writes als_user_factors, then als_episode_factors, first of the twin, then of the generation: a generation
in als_episode_factors is whole. Needs the lake and Spark.

Engagement is summed over days with recency decay; skips and low ratings stay negative and are evidence against. The generation's id
depends on the data and the settings alone, so a run that was killed writes the same one again. Where all engagement is of one day there
is no twin, and the provenance says so. Old generations leave in the commit that brings the new one.
Delivery: each write replaces its generation in one commit. Without new engagement or changed settings the stage ends at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.shared.entry import Report
from jobs.shared.generations import expired, generation_id, twin
from jobs.shared.generations import newest as newest_of
from jobs.shared.log import progress, stage_logger
from jobs.shared.models import Provenance
from jobs.shared.ports import TableReader
from jobs.shared.tables import ALS_EPISODE_FACTORS, ALS_USER_FACTORS, USER_VS_EPISODE_DAILY, Table
from jobs.train_als import core
from jobs.train_als.settings import TrainAlsSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from jobs.shared.storage.spark_delta import SparkLake

STAGE = "train_als"
logger = stage_logger(STAGE)


@dataclass(frozen=True)
class Plan:
    """The generation to make."""

    generation: str
    provenance: Provenance
    expired: list[str]
    """Generations that leave when this one is whole: until then one of them may be the newest."""

    def provenance_of(self, generation: str, note: dict[str, str]) -> Provenance:
        """The provenance of the generation, or of its twin."""
        return self.provenance.model_copy(update={"note": note | {"generation": generation}})


def plan(lake: TableReader, settings: TrainAlsSettings) -> Plan | None:
    """What there is to train, None where nothing is new."""
    source = lake.newest(USER_VS_EPISODE_DAILY)
    if source is None:
        return None
    provenance = Provenance(stage=STAGE, settings=settings.model_digest, sources={USER_VS_EPISODE_DAILY.name: source.version})
    # Factors of the generation's listeners are there before it is whole; only episodes' factors say that it is.
    whole = _generations(lake, ALS_EPISODE_FACTORS)
    newest = lake.newest(ALS_EPISODE_FACTORS)
    made_by = newest.provenance if newest else None
    if (
        made_by is not None
        and (made_by.settings, made_by.sources) == (provenance.settings, provenance.sources)
        and made_by.note.get("generation") == newest_of(whole)
    ):
        return None
    generation = generation_id(source.committed_at, settings.model_digest, newest_of(whole))
    every = whole | _generations(lake, ALS_USER_FACTORS)
    return Plan(generation, provenance, expired(every, [generation], settings.keep_generations))


def run(lake: "SparkLake", plan: Plan, settings: TrainAlsSettings) -> Report:
    """Train and write the twin, then the generation."""
    from pyspark.sql import functions as F

    from jobs.train_als.als import checkpoints

    daily = lake.read(USER_VS_EPISODE_DAILY, ["user_id", "episode_id", "day", "engagement"])
    days = {row["day"]: row for row in daily.groupBy("day").agg(F.count("*").alias("rows"), F.max("engagement").alias("best")).collect()}
    liked_on = [day for day, row in days.items() if row["best"] > 0]
    if not liked_on:
        return Report(details={"nothing_to_do": True, "why": "nobody engaged with anything so far"})
    split = core.split_day({day: row["rows"] for day, row in days.items()}, settings.backtest_share)
    note = {"split_day": split.isoformat()} if split and split > min(liked_on) else {"no_backtest": "no engagement on a day before the last ones"}
    with checkpoints(daily.sparkSession, f"{lake.uri(ALS_EPISODE_FACTORS)}.checkpoints"):
        if split and "split_day" in note:
            weights = core.day_weights(days, settings.half_life_days, before=split)
            _train(lake, daily, weights, settings, plan.provenance_of(twin(plan.generation), note))
        else:
            logger.warning("no backtest", extra={"reason": note["no_backtest"]})
        weights = core.day_weights(days, settings.half_life_days)
        users = _train(lake, daily, weights, settings, plan.provenance_of(plan.generation, note), leaving=plan.expired)
    return Report(read=sum(row["rows"] for row in days.values()), written=users, details={"generation": plan.generation, **note})


def _train(
    lake: "SparkLake",
    daily: "DataFrame",
    weights: dict[date, float],
    settings: TrainAlsSettings,
    provenance: Provenance,
    *,
    leaving: Sequence[str] = (),
) -> int:
    from pyspark.sql import functions as F

    from jobs.train_als.als import factorise

    generation = provenance.note["generation"]
    progress(logger, f"training {generation}", 0, 1)
    worth = daily.sparkSession.createDataFrame(list(weights.items()), "day date, worth double")
    summed = daily.join(F.broadcast(worth), "day").groupBy("user_id", "episode_id").agg(F.sum(F.col("engagement") * F.col("worth")).alias("engagement"))
    user_factors, episode_factors = factorise(summed.cache(), settings)
    where = [("generation", "in", [generation, *leaving])]
    lake.replace(ALS_USER_FACTORS, user_factors.withColumn("generation", F.lit(generation)), where, provenance)
    lake.replace(ALS_EPISODE_FACTORS, episode_factors.withColumn("generation", F.lit(generation)), where, provenance)
    summed.unpersist()
    progress(logger, f"training {generation}", 1, 1)
    return user_factors.count()


def _generations(lake: TableReader, table: Table) -> set[str]:
    return set(lake.read(table, ["generation"])["generation"].unique().to_pylist())
