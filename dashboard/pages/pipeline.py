"""Pipeline: what was made, how fresh it is, what failed, and which generation is live."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard import elements, sources
from dashboard.queries import pipeline as queries
from dashboard.views import pipeline as views
from dashboard.views.text import count, inert, moment
from jobs.shared.documents import FINAL_RECOMMENDATIONS, Publication
from jobs.shared.generations import VERDICTS_OF_THE_LIVE

UTC_TIME = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone="UTC")


def published() -> list[Publication]:
    found: list[Publication] = []
    with elements.reported():
        found = queries.publications(sources.documents())
        if not found:
            elements.nothing_yet("No list is published, so no generation is live.", "publish")
    for column, publication in zip(st.columns(len(found) or 1), found, strict=False):
        column.metric(
            f"Documents in {publication.collection}".replace("_", " "),
            count(publication.documents),
            border=True,
            help=f"Published {moment(publication.published_at)}, generation {publication.generation}, edition {publication.edition}",
        )
    return found


def generations(live: str | None) -> None:
    evaluations = queries.evaluations(sources.lake())
    known = views.generations(evaluations, live)
    if known.empty:
        elements.nothing_yet("No generation was evaluated.", "evaluate")
        return
    names = known["generation"].tolist()
    chosen = st.selectbox(
        "Generation", names, index=names.index(live) if live in names else 0, format_func=lambda name: f"{name} (live)" if name == live else name
    )
    of_chosen = known[known["generation"] == chosen].iloc[0]
    say = st.success if of_chosen["verdict"] in VERDICTS_OF_THE_LIVE else st.warning
    say(f"**{inert(str(of_chosen['verdict']))}**: {inert(str(of_chosen['reason'] or 'no reason given'))}")
    st.caption(inert(views.certainty(evaluations, chosen)))
    compared = views.comparison(evaluations, chosen)
    table, chart = st.columns(2)
    table.dataframe(
        compared,
        hide_index=True,
        column_config={
            "value": st.column_config.NumberColumn("this generation", format="%.4f"),
            "baseline": st.column_config.NumberColumn("popularity", format="%.4f"),
            "live": st.column_config.NumberColumn("live settings", format="%.4f"),
            "lift": st.column_config.NumberColumn("over popularity", format="%+.0f %%"),
        },
    )
    if not compared.empty:
        chart.altair_chart(views.comparison_chart(compared))
    refused = views.refused(known)
    if not refused.empty:
        st.subheader("Refused generations")
        st.dataframe(refused[["generation", "verdict", "reason", "evaluated_at"]], hide_index=True, column_config={"evaluated_at": UTC_TIME})


def failures() -> None:
    with elements.reported():
        st.subheader("Failed transcriptions by reason", help="Recovered: episodes that have a transcript all the same, by a later try or another way")
        attempts = queries.failed_attempts(sources.lake()).to_pandas()
        if attempts.empty:
            st.caption(":material/check_circle: None")
        else:
            st.dataframe(attempts, hide_index=True, column_config={"latest": UTC_TIME, "example": st.column_config.TextColumn("newest error", width="large")})
    with elements.reported():
        st.subheader("Feeds that failed at the last fetch")
        feeds = queries.failed_feeds(sources.lake()).to_pandas()
        if feeds.empty:
            st.caption(":material/check_circle: None")
        else:
            st.dataframe(feeds, hide_index=True, column_config={"fetched_at": UTC_TIME})


def tables() -> None:
    frame: pd.DataFrame = views.tables(queries.states(sources.lake()), datetime.now(UTC))
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="-",
        height=35 * (len(frame) + 1) + 3,
        column_config={
            "last commit (UTC)": UTC_TIME,
            "rows": st.column_config.NumberColumn(format="localized"),
            "table": st.column_config.TextColumn(pinned=True),
        },
    )


def page() -> None:
    st.title("Pipeline")
    st.subheader("Published")
    found = published()
    live = next((publication.generation for publication in found if publication.collection == FINAL_RECOMMENDATIONS.name), None)
    st.subheader("Generation against popularity", help="Lists of a twin that saw no later event, held against what listeners then did")
    with elements.reported():
        generations(live)
    failures()
    st.subheader("Tables")
    with elements.reported():
        st.caption(f"In {inert(sources.lake().uri)}")
        tables()


page()
