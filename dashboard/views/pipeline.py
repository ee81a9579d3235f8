"""The Pipeline page: tables' state and the evaluation of generations."""

from collections.abc import Sequence
from datetime import datetime

import altair as alt
import pandas as pd
import pyarrow as pa

from dashboard.queries.pipeline import TableState
from dashboard.views import colours
from dashboard.views.text import age, count, size
from jobs.shared.generations import VERDICTS_OF_THE_LIVE

NO_SCORES = ("users",)
BOUNDS = (".low", ".high")
"""Metrics that say how sure a score is, and are none."""


def tables(states: Sequence[TableState], now: datetime) -> pd.DataFrame:
    """One row a table: name, state, rows, files, size, last commit, writer."""
    return pd.DataFrame(
        [
            {
                "table": state.table.name,
                "rows": state.rows,
                "files": state.files,
                "size": size(state.size_bytes) if state.rows is not None else "",
                "fresh": age(state.committed_at, now) if state.committed_at else "never written",
                "last commit (UTC)": state.committed_at,
                "written by": state.table.written_by,
            }
            for state in states
        ]
    )


def generations(evaluations: pa.Table, live: str | None) -> pd.DataFrame:
    """One row a generation, newest first: verdict, reason, whether it is the live one."""
    frame = evaluations.to_pandas()
    if frame.empty:
        return pd.DataFrame(columns=["generation", "live", "verdict", "reason", "evaluated_at"])
    rows = frame.groupby("generation", as_index=False).first().sort_values("generation", ascending=False)
    rows["live"] = rows["generation"] == live
    kept: pd.DataFrame = rows[["generation", "live", "verdict", "reason", "evaluated_at"]].reset_index(drop=True)
    return kept


def refused(generations: pd.DataFrame) -> pd.DataFrame:
    """Generations that did not go live."""
    kept: pd.DataFrame = generations[~generations["verdict"].isin(VERDICTS_OF_THE_LIVE)].reset_index(drop=True)
    return kept


def comparison(evaluations: pa.Table, generation: str) -> pd.DataFrame:
    """The generation's metrics beside those of popularity and of the live settings, with the lift over popularity in percent."""
    frame = evaluations.to_pandas()
    scores = ~frame["metric"].isin(NO_SCORES) & ~frame["metric"].str.endswith(BOUNDS)
    frame = frame[(frame["generation"] == generation) & scores][["metric", "value", "baseline", "live"]].astype(
        {"value": float, "baseline": float, "live": float}
    )
    frame["lift"] = (100 * (frame["value"] / frame["baseline"].where(frame["baseline"] > 0) - 1)).astype(float)
    compared: pd.DataFrame = frame.reset_index(drop=True)
    return compared


def certainty(evaluations: pa.Table, generation: str) -> str:
    """How many listeners the scores rest on, after which day, and within which bounds."""
    rows = {row["metric"]: row for row in evaluations.to_pylist() if row["generation"] == generation}
    said = []
    if "users" in rows:
        said.append(f"Measured on {count(rows['users']['value'] or 0)} listeners")
    split = next((row["split"] for row in rows.values() if row["split"]), None)
    if split:
        said.append(f"on events from {split} on")
    for metric in rows:
        low, high = (rows.get(metric + bound, {}).get("value") for bound in BOUNDS)
        if low is not None and high is not None:
            said.append(f"{metric} lies between {low:.4f} and {high:.4f} (95 %)")
    return ", ".join(said)


def comparison_chart(frame: pd.DataFrame) -> alt.Chart:
    """Bars of each metric, generation beside baseline."""
    names = {"value": "this generation", "baseline": "popularity", "live": "live settings"}
    shown = [name for name in names if frame[name].notna().any()]
    long = frame.melt(id_vars="metric", value_vars=shown, var_name="list", value_name="score").replace({"list": names})
    order = [names[name] for name in shown]
    colour = {"this generation": colours.BLUE, "popularity": colours.GREY, "live settings": colours.ORANGE}
    chart: alt.Chart = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            y=alt.Y("metric:N", title=None),
            yOffset=alt.YOffset("list:N", sort=order),
            x=alt.X("score:Q", title="score (0 to 1, higher is better)", scale=alt.Scale(domainMin=0)),
            color=alt.Color(
                "list:N", title=None, sort=order, scale=alt.Scale(domain=order, range=[colour[name] for name in order]), legend=alt.Legend(orient="top")
            ),
            tooltip=["metric:N", "list:N", alt.Tooltip("score:Q", format=".4f")],
        )
        .properties(height=alt.Step(16))
    )
    return chart
