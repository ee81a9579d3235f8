"""Live: the last minutes of the event stream."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import elements, sources
from dashboard.queries import live as queries
from dashboard.views import live as views
from dashboard.views.text import age, count, moment, share


def draw(minutes: int) -> None:
    settings, lake = sources.settings(), sources.lake()
    with elements.reported():
        seen = queries.window(lake, minutes)
        totals = queries.totals(lake, seen)
        events, listeners, plays, completion = st.columns(4)
        events.metric("Events", count(totals["events"]), border=True)
        listeners.metric("Listeners", count(totals["listeners"]), border=True)
        plays.metric("Plays", count(totals["plays"]), border=True, help="Starts and resumes")
        completion.metric(
            "Completion",
            share(totals["completed"], totals["heard"]),
            border=True,
            help="Share of (listener, episode) pairs that played in this window and reached the end in it",
        )
        bin_min = views.bin_minutes(minutes)
        st.subheader(f"Events per {views.bin_name(bin_min)}, by kind")
        st.altair_chart(views.events_chart(queries.by_kind(lake, seen, bin_min), seen, bin_min))
        left, right = st.columns(2)
        with left:
            st.subheader("Top by engagement", help="Weighted acts of each listener a day (plays, completes, likes, ratings; skips count against), summed up")
            st.dataframe(
                queries.top_by_engagement(lake, seen, settings.top).drop_columns(["episode_id"]).to_pandas(),
                hide_index=True,
                height=390,
                column_config={
                    "title": st.column_config.TextColumn("episode", width=165),
                    "podcast": st.column_config.TextColumn("show", width=80),
                    "engagement": st.column_config.NumberColumn(format="%.0f", width=75),
                    "listeners": st.column_config.NumberColumn(width=50),
                    "plays": st.column_config.NumberColumn(width=40),
                },
            )
        with right:
            st.subheader(
                "Top by rating",
                help=f"Bayesian average: every episode starts with {settings.rating_prior:g} votes of the window's mean, so that a single vote does not win",
            )
            st.dataframe(
                queries.top_by_rating(lake, seen, settings.top, settings.rating_prior).drop_columns(["episode_id"]).to_pandas(),
                hide_index=True,
                height=390,
                column_config={
                    "title": st.column_config.TextColumn("episode", width=190),
                    "podcast": st.column_config.TextColumn("show", width=80),
                    "bayesian": st.column_config.NumberColumn("Bayesian", format="%.2f ★"),
                    "mean": st.column_config.NumberColumn("mean", format="%.2f ★"),
                },
            )
        newest, now = views.at(seen.newest_min), datetime.now(UTC)
        late = now - newest > timedelta(minutes=views.LATE_MIN)
        st.caption(
            f"The window ends with the stream's newest event, {moment(newest)} ({age(newest, now)})."
            + (" That is a while ago: is `python -m jobs.stream_events` running, and does anybody listen?" if late else "")
        )


def page() -> None:
    st.title("Live")
    with elements.reported():
        settings = sources.settings()
        choice, refresh = st.columns([0.8, 0.2], vertical_alignment="bottom")
        chosen = choice.segmented_control("Window", list(views.WINDOWS), default="1 h", required=True, key="window")
        on = refresh.toggle(f"Refresh every {settings.refresh_s:g} s", value=True)
        st.fragment(draw, run_every=settings.refresh_s if on else None)(views.WINDOWS[chosen])


page()
