"""The Live page: bins, key numbers, the chart of events."""

from datetime import UTC, datetime

import altair as alt
import pandas as pd
import pyarrow as pa

from dashboard.queries.live import Window
from dashboard.views import colours

WINDOWS = {"5 min": 5, "15 min": 15, "1 h": 60, "6 h": 360, "24 h": 1440, "7 days": 10_080, "30 days": 43_200}
"""Offered windows, in minutes."""

BINS_MIN = (1, 5, 10, 30, 60, 180, 360, 1440)
MOST_BINS = 62
LATE_MIN = 15
"""From this age on the newest event is called old: the stream stands, or nobody listens."""


def bin_minutes(window_min: int) -> int:
    """The finest bin, in minutes, that keeps the chart readable."""
    return next((width for width in BINS_MIN if window_min <= width * MOST_BINS), BINS_MIN[-1])


def bin_name(minutes: int) -> str:
    """minute, 5 minutes, hour, 3 hours, day"""
    if minutes % 1440 == 0:
        number, unit = minutes // 1440, "day"
    elif minutes % 60 == 0:
        number, unit = minutes // 60, "hour"
    else:
        number, unit = minutes, "minute"
    return unit if number == 1 else f"{number} {unit}s"


def axis_format(bin_min: int) -> str:
    """Times within a day, days and times within a week, days beyond."""
    if bin_min <= 30:
        return "%H:%M"
    return "%b %d, %H:%M" if bin_min < 1440 else "%b %d"


def at(epoch_min: int) -> datetime:
    """The UTC time of an epoch minute."""
    return datetime.fromtimestamp(epoch_min * 60, tz=UTC)


def events_chart(rows: pa.Table, seen: Window, bin_min: int) -> alt.Chart:
    """Events by kind, stacked over the whole window, so that quiet minutes show as gaps."""
    frame = rows.to_pandas()
    frame["from"] = pd.to_datetime(frame["bin_min"] * 60, unit="s", utc=True)
    frame["to"] = frame["from"] + pd.Timedelta(minutes=bin_min)
    first = (seen.start_min + 1) // bin_min * bin_min
    domain = [_utc(first), _utc(seen.newest_min // bin_min * bin_min + bin_min)]
    kinds = list(colours.KINDS)
    frame["order"] = frame["kind"].map({kind: position for position, kind in enumerate(kinds)})
    frame = frame.sort_values(["bin_min", "order"])
    # Vega-Lite stacks no bars that have a width in time, so they come stacked.
    frame["top"] = frame.groupby("bin_min")["events"].cumsum()
    frame["bottom"] = frame["top"] - frame["events"]
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X(
                "from:T",
                title="time (UTC)",
                scale=alt.Scale(type="utc", domain=domain),
                axis=alt.Axis(labelOverlap=True, grid=False, format=axis_format(bin_min)),
            ),
            x2="to:T",
            y=alt.Y("bottom:Q", title=f"events per {bin_name(bin_min)}", axis=alt.Axis(tickMinStep=1, format="~s")),
            y2="top:Q",
            color=alt.Color(
                "kind:N", title=None, sort=kinds, scale=alt.Scale(domain=kinds, range=list(colours.KINDS.values())), legend=alt.Legend(orient="top")
            ),
            tooltip=[
                alt.Tooltip("from:T", title="from (UTC)", format="%Y-%m-%d %H:%M", formatType="utc"),
                alt.Tooltip("kind:N"),
                alt.Tooltip("events:Q", format=","),
            ],
        )
        .properties(height=300)
    )
    return chart


def _utc(epoch_min: int) -> alt.DateTime:
    when = at(epoch_min)
    return alt.DateTime(year=when.year, month=when.month, date=when.day, hours=when.hour, minutes=when.minute, utc=True)
