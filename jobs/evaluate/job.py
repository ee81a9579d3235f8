"""Measure the newest generation by its backtest twin, and decide whether it goes live.

Reads recommendations (the twin's lists), user_vs_episode_daily, episodes, evaluations. Writes evaluations: the rows of the generation, in
one commit, with the verdict on each. Needs the lake.

Relevant is what a listener engaged with (sum above zero) from the split day on, had not used up before, and what had been published before:
nothing else could have been on a list. Metrics: nDCG@10 with its 95 % bootstrap interval, recall@10, recall@10 of episodes
without engagement before the split, coverage@10. Beside each: most engaged-with before the split and not used up (popularity), and the live
generation, which is the newest promoted one: its own twin's lists on the same split, less what was used up meanwhile.
Verdicts: promoted, refused (the live one stays; exit 0, said loudly), promoted-untested (no twin, or too few listeners to judge by).
Delivery: running again replaces the generation's rows. Without new lists or events the stage ends at once.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.evaluate import core
from jobs.evaluate.settings import EvaluateSettings
from jobs.shared.engagement import used_up
from jobs.shared.entry import Report
from jobs.shared.generations import REFUSED, UNTESTED, is_twin, live, twin
from jobs.shared.log import stage_logger
from jobs.shared.models import Provenance
from jobs.shared.ports import TableReader, TableWriter
from jobs.shared.tables import EPISODES, EVALUATIONS, RECOMMENDATIONS, USER_VS_EPISODE_DAILY

STAGE = "evaluate"
SOURCES = (RECOMMENDATIONS, USER_VS_EPISODE_DAILY)
METRICS = ("ndcg@10", "ndcg@10.low", "ndcg@10.high", "recall@10", "cold_recall@10", "coverage@10", "users")
logger = stage_logger(STAGE)


@dataclass(frozen=True)
class Plan:
    """The generation to judge."""

    generation: str
    split_day: date | None
    why_untested: str
    provenance: Provenance


def plan(lake: TableReader, settings: EvaluateSettings) -> Plan | None:
    """What there is to judge, None where nothing is new."""
    commits = {table.name: lake.newest(table) for table in SOURCES}
    lists = commits[RECOMMENDATIONS.name]
    made = lists.provenance if lists else None
    if made is None or is_twin(made.note["generation"]):
        logger.info("no whole generation of lists: run recommend")
        return None
    provenance = Provenance(
        stage=STAGE,
        settings=settings.digest("max_ndcg_loss", "max_coverage_loss", "min_users", "resamples", "seed"),
        sources={name: commit.version for name, commit in commits.items() if commit},
        note={"generation": made.note["generation"]},
    )
    newest = lake.newest(EVALUATIONS)
    if newest is not None and newest.provenance == provenance:
        return None
    split = made.note.get("split_day")
    return Plan(made.note["generation"], date.fromisoformat(split) if split else None, made.note.get("no_backtest", ""), provenance)


def run(lake: TableWriter, plan: Plan, settings: EvaluateSettings, now: datetime) -> Report:
    """Measure, judge, and keep both."""
    verdict, rows = _judge(lake, plan, settings)
    split = plan.split_day.isoformat() if plan.split_day else None
    written = [
        {"generation": plan.generation, "metric": metric, "value": value, "split": split, "baseline": baseline, "live": served}
        | {"verdict": verdict.name, "reason": verdict.reason, "evaluated_at": now}
        for metric, (value, baseline, served) in rows.items()
    ]
    lake.replace(EVALUATIONS, pa.Table.from_pylist(written, schema=EVALUATIONS.schema), [("generation", "=", plan.generation)], plan.provenance)
    if verdict.name == REFUSED:
        logger.warning("REFUSED: the live generation stays", extra={"generation": plan.generation, "reason": verdict.reason})
    elif verdict.name == UNTESTED:
        logger.warning("PROMOTED UNTESTED", extra={"generation": plan.generation, "reason": verdict.reason})
    title = f"generation {plan.generation}, split {split or 'none'}: {verdict.name} ({verdict.reason})"
    sys.stdout.write(f"{title}\n{core.table(list(rows), list(rows.values()), ['this', 'popularity', 'live'])}\n")
    details = {"generation": plan.generation, "verdict": verdict.name, "reason": verdict.reason} | {metric: row[0] for metric, row in rows.items()}
    return Report(read=int(rows["users"][0] or 0), written=len(written), details=details)


Row = tuple[float | None, float | None, float | None]


def _judge(lake: TableReader, plan: Plan, settings: EvaluateSettings) -> tuple[core.Verdict, dict[str, Row]]:
    if plan.split_day is None:
        return core.untested(plan.why_untested or "no backtest twin"), {"users": (0.0, None, None)}
    candidates = _published(lake, plan.split_day)
    spent: dict[str, set[str]] = defaultdict(set)
    popularity: dict[str, float] = defaultdict(float)
    relevant: dict[str, set[str]] = defaultdict(set)
    for row in _engagement(lake, ("day", "<", plan.split_day)):
        if row["used_up"]:
            spent[row["user_id"]].add(row["episode_id"])
        if row["episode_id"] in candidates and row["liking"] > 0:
            popularity[row["episode_id"]] += row["liking"]
    for row in _engagement(lake, ("day", ">=", plan.split_day)):
        if row["engagement"] > 0 and row["episode_id"] in candidates and row["episode_id"] not in spent[row["user_id"]]:
            relevant[row["user_id"]].add(row["episode_id"])
    users = float(len(relevant))
    if users < settings.min_users:
        why = f"{users:.0f} listeners found something after {plan.split_day}, {settings.min_users} are needed to judge"
        return core.untested(why), {"users": (users, None, None)}

    def measured(lists: core.Lists) -> core.Scores:
        return core.scores(lists, relevant, cold=candidates - set(popularity), candidates=candidates)

    new = measured(core.served(_lists(lake, plan.generation), relevant))
    baseline = measured(core.most_popular(popularity, relevant, spent))
    current = _live(lake, plan.generation)
    standing = measured(core.served(current, relevant, spent)) if current else None
    verdict = core.judge(
        new,
        baseline,
        standing,
        max_ndcg_loss=settings.max_ndcg_loss,
        max_coverage_loss=settings.max_coverage_loss,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    columns = [_figures(each, settings) if each else {} for each in (new, baseline, standing)]
    return verdict, {metric: (columns[0][metric], columns[1][metric], columns[2].get(metric)) for metric in METRICS}


def _figures(scores: core.Scores, settings: EvaluateSettings) -> dict[str, float | None]:
    low, high = core.interval(scores.ndcg, settings.resamples, settings.seed)
    return dict(zip(METRICS, (scores.mean_ndcg, low, high, scores.recall, scores.cold_recall, scores.coverage, float(len(scores.ndcg))), strict=True))


def _live(lake: TableReader, generation: str) -> core.Lists | None:
    verdicts = lake.read(EVALUATIONS, ["generation", "verdict"], [("generation", "!=", generation)])
    found = live(zip(verdicts["generation"].to_pylist(), verdicts["verdict"].to_pylist(), strict=True))
    return _lists(lake, found) if found else None


def _lists(lake: TableReader, generation: str) -> dict[str, list[str]]:
    rows = lake.read(RECOMMENDATIONS, ["user_id", "rank", "episode_id"], [("generation", "=", twin(generation))]).sort_by("rank")
    found: dict[str, list[str]] = defaultdict(list)
    for user, episode in zip(rows["user_id"].to_pylist(), rows["episode_id"].to_pylist(), strict=True):
        found[user].append(episode)
    return dict(found)


def _published(lake: TableReader, split_day: date) -> set[str]:
    cut = datetime.combine(split_day, time(), UTC)
    rows = lake.read(EPISODES, ["episode_id", "published_at"]).to_pylist()
    return {row["episode_id"] for row in rows if row["published_at"] is None or row["published_at"] < cut}


def _engagement(lake: TableReader, days: tuple[str, str, date]) -> list[dict[str, Any]]:
    """Per listener and episode: engagement, the part of it above zero (liking), and whether the episode is used up."""
    counts = ["skips", "completes", "likes"]
    rows = lake.read(USER_VS_EPISODE_DAILY, ["user_id", "episode_id", *counts, "rating", "listened_s", "engagement"], [days])
    rows = rows.append_column("liking", pc.max_element_wise(rows["engagement"], 0.0))
    sums = [*counts, "listened_s", "engagement", "liking"]
    summed = rows.group_by(["user_id", "episode_id"]).aggregate([*((name, "sum") for name in sums), ("rating", "max")]).to_pylist()
    return [
        {"user_id": row["user_id"], "episode_id": row["episode_id"], "engagement": row["engagement_sum"], "liking": row["liking_sum"]}
        | {"used_up": used_up({name: row[f"{name}_sum"] for name in counts}, row["rating_max"], row["listened_s_sum"] or 0.0)}
        for row in summed
    ]
