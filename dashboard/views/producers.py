"""The Producers page: small cells left out, shares, charts of where listeners stop and how far they get."""

from dataclasses import dataclass

import altair as alt
import pandas as pd
import pyarrow as pa

from dashboard.views import colours
from dashboard.views.text import clock

WIDTHS_S = (15, 30, 60, 120, 300)
"""Bucket widths offered for positions, in seconds."""
SHOWN_SHARE = 0.5
"""The automatic width is the finest that leaves at least this share of the buckets visible."""
WORDS_SHOWN = 220


@dataclass(frozen=True)
class Suppressed:
    """Rows fit to be shown, and how many were left out."""

    rows: pd.DataFrame
    left_out: int


def suppress(rows: pa.Table, min_listeners: int) -> Suppressed:
    """Rows with at least `min_listeners` unique listeners."""
    frame = rows.to_pandas()
    kept = frame[frame["listeners"] >= min_listeners].reset_index(drop=True)
    return Suppressed(kept, len(frame) - len(kept))


def episodes(rows: pa.Table, min_listeners: int) -> Suppressed:
    """The show's episodes with completion and average listened share in percent; unheard ones stay, with nothing to hide.

    A rating is shown from `min_listeners` ratings on. Average listened share is listened seconds / (listeners x duration); replays can take it over 100 %.
    """
    frame = rows.to_pandas()
    shown = frame[(frame["listeners"] >= min_listeners) | (frame["listeners"] == 0)].reset_index(drop=True)
    heard = shown["listeners"].where(shown["listeners"] > 0)
    shown["completion"] = 100 * shown["completed"] / heard
    shown["listened"] = 100 * shown["listened_s"] / (heard * shown["duration_s"].where(shown["duration_s"] > 0))
    few = shown["ratings"] < min_listeners
    shown["rating"] = shown["rating"].astype("float64").mask(few)
    shown["ratings"] = shown["ratings"].astype("float64").mask(few & (shown["ratings"] > 0))
    shown["minutes"] = shown["duration_s"] / 60
    # A handful that did, or did not, reach the end says as much of them as a small audience would.
    odd = shown["completed"].between(1, min_listeners - 1) | (shown["listeners"] - shown["completed"]).between(1, min_listeners - 1)
    shown["completion"] = shown["completion"].mask(odd)
    return Suppressed(shown, len(frame) - len(shown))


def finest_width(stops: pa.Table, min_listeners: int) -> int:
    """The finest bucket width, in seconds, at which most buckets have enough listeners to be shown."""
    frame = stops.to_pandas()
    for width in WIDTHS_S:
        listeners = frame.loc[frame["width_s"] == width, "listeners"]
        if len(listeners) and (listeners >= min_listeners).mean() >= SHOWN_SHARE:
            return width
    return WIDTHS_S[-1]


def stops_at(stops: pa.Table, width_s: int, min_listeners: int, segments: pa.Table) -> Suppressed:
    """Buckets of one width with the words that are said in them."""
    chosen = suppress(stops.filter(pa.compute.equal(stops["width_s"], width_s)), min_listeners)
    frame = chosen.rows
    frame["end_s"] = frame["start_s"] + width_s
    frame["from"] = [clock(start) for start in frame["start_s"]]
    frame["words"] = [words(segments, start, start + width_s) for start in frame["start_s"]]
    return chosen


def words(segments: pa.Table, start_s: float, end_s: float, limit: int = WORDS_SHOWN) -> str:
    """What is said between two seconds, cut to `limit` characters."""
    said = " ".join(row["text"].strip() for row in segments.to_pylist() if row["end_s"] > start_s and row["start_s"] < end_s)
    return said if len(said) <= limit else said[: limit - 1].rsplit(" ", 1)[0] + "…"


def stops_chart(frame: pd.DataFrame, width_s: int, duration_s: float) -> alt.Chart:
    """Unique listeners who paused or skipped in each bucket of the episode."""
    frame = frame.assign(minute=frame["start_s"] / 60, end_minute=frame["end_s"] / 60)
    kinds = ["pause", "skip"]
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "minute:Q", bin="binned", title="position in the episode (minutes)", scale=alt.Scale(domain=[0, max(duration_s, width_s) / 60], nice=False)
            ),
            x2="end_minute:Q",
            y=alt.Y("listeners:Q", title=f"listeners per {width_s} s", stack="zero", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N", title=None, scale=alt.Scale(domain=kinds, range=[colours.KINDS[kind] for kind in kinds]), legend=alt.Legend(orient="top")
            ),
            tooltip=[
                alt.Tooltip("from:N", title="from"),
                alt.Tooltip("kind:N"),
                alt.Tooltip("listeners:Q"),
                alt.Tooltip("events:Q"),
                alt.Tooltip("words:N", title="what is said"),
            ],
        )
        .properties(height=260)
    )
    return chart


def reach(rows: pa.Table, min_listeners: int) -> Suppressed:
    """Percent of the episode against percent of its listeners who got at least that far.

    A point stays where at least `min_listeners` got so far, and where the step from the point shown before is of none or of at least as many:
    otherwise the difference of two points would show the few who left between them.
    """
    kept: list[dict[str, float]] = []
    starters = last = 0
    for row in rows.to_pylist():
        listeners = row["listeners"]
        starters = starters or listeners
        first = not kept
        if listeners >= min_listeners and (first or listeners == last or last - listeners >= min_listeners):
            kept.append({"position": 100 * row["share"], "reached": 100 * listeners / starters, "listeners": listeners})
            last = listeners
    return Suppressed(pd.DataFrame(kept, columns=["position", "reached", "listeners"]), rows.num_rows - len(kept))


def reach_chart(frame: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """The reach curve, falling from left to right."""
    line = alt.Chart(frame).encode(
        x=alt.X("position:Q", title="position in the episode (%)", scale=alt.Scale(domain=[0, 100])),
        y=alt.Y("reached:Q", title="listeners who got so far (%)", scale=alt.Scale(domain=[0, 100])),
        tooltip=[
            alt.Tooltip("position:Q", title="position (%)", format=".0f"),
            alt.Tooltip("reached:Q", title="reached (%)", format=".0f"),
            alt.Tooltip("listeners:Q"),
        ],
    )
    area = line.mark_area(color=colours.BLUE, opacity=0.15, interpolate="step-after")
    steps = line.mark_line(color=colours.BLUE, interpolate="step-after")
    return alt.layer(area, steps, line.mark_point(color=colours.BLUE, filled=True, size=30), height=260)


def audience(rows: pa.Table, own_listeners: int, min_listeners: int) -> Suppressed:
    """Shows with enough shared listeners, and those as a share of the show's own."""
    frame = rows.to_pandas()
    kept = frame[frame["shared"] >= min_listeners].reset_index(drop=True)
    kept["share"] = 100 * kept["shared"] / own_listeners if own_listeners else 0.0
    return Suppressed(kept, len(frame) - len(kept))
