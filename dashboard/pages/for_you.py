"""For you: a listener's list, with the reasons for every entry."""

import streamlit as st

from dashboard import elements, sources
from dashboard.queries import listeners
from dashboard.views.text import inert, moment
from jobs.shared.documents import DEFAULT_USER, RecommendedEpisode
from jobs.shared.ports import DocumentReader


def card(documents: DocumentReader, rank: int, entry: RecommendedEpisode) -> None:
    with st.container(border=True):
        place, what, score = st.columns([0.06, 0.8, 0.14], vertical_alignment="top")
        place.markdown(f"### {rank}")
        with what:
            st.markdown(f"**{inert(entry.title)}**  \n:gray[{inert(entry.podcast)}]")
            for reason in sorted(entry.reasons, key=lambda reason: -reason.weight):
                weight = min(max(reason.weight, 0.0), 1.0)
                st.progress(weight, text=f"{inert(reason.text)} :gray[({100 * weight:.0f} %)]")
            elements.player(f"{rank}-{entry.recommended_episode_id}", entry.audio_url)
            likeness = st.expander("Similar episodes", on_change="rerun", key=f"similar-{rank}-{entry.recommended_episode_id}")
            if likeness.open:
                with likeness, elements.reported():
                    nearest(documents, entry.recommended_episode_id)
        score.metric("Score", f"{entry.score:.2f}", help="Between 0 and 1, comparable within this list")


def nearest(documents: DocumentReader, episode_id: str) -> None:
    found = listeners.similar(documents, episode_id)
    if found is None or not found.similar:
        elements.nothing_yet("No similar episodes are published for this one.", "publish")
        return
    st.dataframe(
        [{"score": similar.score, "episode": similar.title, "show": similar.podcast} for similar in found.similar],
        hide_index=True,
        column_config={"score": st.column_config.ProgressColumn("likeness", min_value=0.0, max_value=1.0, format="%.2f", width="small")},
    )


def page() -> None:
    st.title("For you")
    with elements.reported():
        documents = sources.documents()
        known = listeners.ids(documents)
        chosen = st.selectbox(
            "Listener",
            known,
            index=0 if known else None,
            accept_new_options=True,
            placeholder="Choose or type a listener's id",
            help="Choose one, or type any id: somebody unknown gets the list for new listeners",
        )
        served = listeners.served(documents, (chosen or DEFAULT_USER).strip())
        if served is None or not served.recommendations.recommendations:
            elements.nothing_yet("No recommendations are published.", "publish")
            return
        if not served.personal:
            st.info("Welcome! There is no history for this listener yet, so here is what people like and what is new.", icon=":material/waving_hand:")
        found = served.recommendations
        st.caption(f"{len(found.recommendations)} episodes, made {moment(found.generated_at)} by generation {inert(found.generation)}")
        for rank, entry in enumerate(found.recommendations, start=1):
            card(documents, rank, entry)


page()
