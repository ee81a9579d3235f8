"""Producers: how the episodes of a show are heard, and where listeners stop."""

from typing import Any

import streamlit as st

from dashboard import elements, sources
from dashboard.queries import live, producers
from dashboard.queries.lake import Lake
from dashboard.views import producers as views
from dashboard.views.text import clock, count, inert

PERIODS_DAYS = {"7 days": 7, "30 days": 30, "90 days": 90, "1 year": 365}


def suppressed(left_out: int, what: str, least: int) -> None:
    if left_out:
        st.caption(f":material/visibility_off: {left_out} {what if left_out > 1 else what[:-1]} left out: fewer than {least} unique listeners.")


def overview(lake: Lake, podcast_id: str, since_day: int, least: int) -> list[dict[str, Any]]:
    heard = views.episodes(producers.episodes(lake, podcast_id, since_day), least)
    own = producers.listeners(lake, podcast_id, since_day)
    rows = heard.rows
    episodes, listeners, plays, hours = st.columns(4)
    episodes.metric("Episodes shown", count(len(rows)), border=True)
    listeners.metric("Listeners", count(own) if own >= least or own == 0 else f"< {least}", border=True, help="Unique listeners of the show in the period")
    plays.metric("Plays", count(rows["plays"].sum()), border=True, help="Starts and resumes of the episodes shown")
    hours.metric("Hours listened", f"{rows['listened_s'].sum() / 3600:,.1f}", border=True, help="Of the episodes shown")
    st.subheader("Episodes")
    st.dataframe(
        rows[["title", "published_at", "minutes", "listeners", "plays", "completion", "listened", "rating", "ratings"]],
        hide_index=True,
        placeholder="-",
        column_config={
            "title": st.column_config.TextColumn("episode", width="medium"),
            "published_at": st.column_config.DatetimeColumn("published", format="YYYY-MM-DD", timezone="UTC"),
            "minutes": st.column_config.NumberColumn("length", format="%.0f min"),
            "completion": st.column_config.NumberColumn(
                "completion", format="%.0f %%", help=f"Listeners who reached the end; hidden where fewer than {least} did, or did not"
            ),
            "listened": st.column_config.NumberColumn(
                "average listened", format="%.0f %%", help="Listened time / (listeners x length); replays can take it over 100 %"
            ),
            "rating": st.column_config.NumberColumn("rating", format="%.1f ★", help=f"Mean of each listener's last rating, from {least} ratings on"),
        },
    )
    suppressed(heard.left_out, "episodes", least)
    return [dict(zip(rows.columns, row, strict=True)) for row in rows[rows["listeners"] > 0].itertuples(index=False)]


def stops(lake: Lake, episode: dict[str, Any], since_day: int, least: int) -> None:
    found = producers.stops(lake, episode["episode_id"], since_day, views.WIDTHS_S)
    st.subheader("Where listeners pause or skip")
    if not found.num_rows:
        st.caption("Nobody paused or skipped in this period.")
        return
    automatic = views.finest_width(found, least)
    width = st.segmented_control("Bucket", list(views.WIDTHS_S), default=automatic, format_func=lambda width_s: f"{width_s} s", required=True, key="width")
    segments = producers.segments(lake, episode["episode_id"])
    buckets = views.stops_at(found, width, least, segments)
    duration_s = max(float(episode["duration_s"] or 0.0), float(found["start_s"].to_numpy().max()) + width)
    if buckets.rows.empty:
        st.caption("No bucket has enough listeners to be shown; try a wider one.")
    else:
        st.altair_chart(views.stops_chart(buckets.rows, width, duration_s))
    suppressed(buckets.left_out, "buckets", least)
    if buckets.rows.empty:
        return
    busiest = buckets.rows.sort_values(["listeners", "start_s"], ascending=[False, True])
    labels = {f"{clock(row['start_s'])} to {clock(row['end_s'])}: {row['listeners']} {row['kind']}": row for row in busiest.head(12).to_dict("records")}
    chosen = st.selectbox("What is said there", list(labels), key="moment")
    said = views.words(segments, labels[chosen]["start_s"], labels[chosen]["end_s"], limit=2000) if chosen else ""
    st.markdown(f"> {inert(said)}" if said else "> :gray[no transcript for these seconds]")
    if chosen:
        elements.player("producers", episode["audio_url"] or "", labels[chosen]["start_s"])


def reach(lake: Lake, episode: dict[str, Any], since_day: int, least: int) -> None:
    st.subheader("How far listeners get", help="Share of the episode's listeners whose furthest position is at least there")
    if not episode["duration_s"] or episode["duration_s"] != episode["duration_s"]:
        st.caption("The length of this episode is unknown.")
        return
    curve = views.reach(producers.reach(lake, episode["episode_id"], since_day, float(episode["duration_s"])), least)
    if curve.rows.empty:
        st.caption("Not enough listeners in this period.")
    else:
        st.altair_chart(views.reach_chart(curve.rows))
    suppressed(curve.left_out, "points", least)


def audience(lake: Lake, podcast_id: str, since_day: int, least: int) -> None:
    st.subheader("Shows that share this audience")
    others = views.audience(producers.shared_audience(lake, podcast_id, since_day), producers.listeners(lake, podcast_id, since_day), least)
    if others.rows.empty:
        st.caption("No other show has enough listeners in common.")
    else:
        st.dataframe(
            others.rows[["title", "shared", "share"]],
            hide_index=True,
            column_config={
                "title": st.column_config.TextColumn("show", width="large"),
                "shared": st.column_config.NumberColumn("shared listeners"),
                "share": st.column_config.ProgressColumn("of this show's listeners", min_value=0.0, max_value=100.0, format="%.0f %%"),
            },
        )
    suppressed(others.left_out, "shows", least)


def page() -> None:
    st.title("Producers")
    with elements.reported():
        lake, least = sources.lake(), sources.settings().min_listeners
        shows = {row["podcast_id"]: row for row in producers.shows(lake).to_pylist()}
        if not shows:
            elements.nothing_yet("No episode is known.", "transcribe")
            return
        choice, period = st.columns([0.7, 0.3])
        podcast_id = choice.selectbox("Show", list(shows), format_func=lambda key: f"{shows[key]['title']} ({shows[key]['episodes']} episodes)")
        days = period.selectbox("Period", list(PERIODS_DAYS), index=1, help="Counted back from the newest event; days are UTC")
        since_day = live.newest_day(lake) - PERIODS_DAYS[days] + 1
        heard = overview(lake, podcast_id, since_day, least)
        audience(lake, podcast_id, since_day, least)
        st.divider()
        if not heard:
            st.caption("No episode of this show has enough listeners to look closer.")
            return
        chosen = st.selectbox("Episode", range(len(heard)), format_func=lambda index: heard[index]["title"])
        left, right = st.columns([0.6, 0.4])
        with left, elements.reported():
            stops(lake, heard[chosen], since_day, least)
        with right, elements.reported():
            reach(lake, heard[chosen], since_day, least)


page()
