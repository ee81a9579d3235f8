"""Search: words and meanings, to the second of an episode."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import elements, sources
from dashboard.queries import search as queries
from dashboard.views import search as views
from dashboard.views.text import clock, inert, marked

CANDIDATES = 50
"""Passages that each of the two rankings brings in."""


def find(query: str) -> list[views.Hit]:
    settings, lake, encoder = sources.settings(), sources.lake(), sources.encoder()
    wanted = views.terms(query)
    vector = encoder.encode([query])[0]
    words = queries.by_words(lake, wanted, CANDIDATES) if wanted else None
    meanings = queries.by_meaning(lake, vector.tolist(), encoder.model, CANDIDATES)
    near = [row for row in meanings.to_pylist() if row["score"] >= views.NEAR]
    rankings = [[(row["episode_id"], row["chunk_index"]) for row in rows] for rows in (words.to_pylist() if words else [], near)]
    keys = views.fuse(rankings, settings.hits)
    if not keys:
        return []

    def cosine(texts: Sequence[str]) -> NDArray[np.float32]:
        near: NDArray[np.float32] = encoder.encode(texts) @ vector
        return near

    passages = {(row["episode_id"], row["chunk_index"]): row for row in queries.passages(lake, keys).to_pylist()}
    return [views.hit(passages[key], wanted, cosine) for key in keys if key in passages]


def quiet(text: str) -> str:
    return f":gray[{inert(text)}]" if text else ""


def show(position: int, hit: views.Hit, wanted: list[str]) -> None:
    with st.container(border=True):
        place, what = st.columns([0.13, 0.87])
        place.markdown(f"#### {clock(hit.start_s)}")
        with what:
            st.markdown(f"**{inert(hit.title)}** :gray[{inert(hit.podcast)}] :gray-badge[{hit.found_by}]")
            st.markdown(f"{quiet(hit.before)} {marked(hit.sentence, wanted)} {quiet(hit.after)}".strip())
            elements.player(f"search-{position}-{hit.episode_id}-{int(hit.start_s)}", hit.audio_url, hit.start_s)


def other_models() -> None:
    models = queries.models(sources.lake())
    if sources.encoder().model not in models:
        st.warning(
            f"Found by words only: the passages are of the model {', '.join(models)}, this page uses {sources.encoder().model}. "
            "Set `encoder` to what `embed` used.",
            icon=":material/translate:",
        )


def page() -> None:
    st.title("Search")
    query = st.text_input("What was said", placeholder="Words, or what they are about: sourdough starter, a rocket that lands itself", max_chars=300)
    with elements.reported():
        if not query.strip():
            st.caption("Finds the second at which something was said, by its words and by its meaning.")
            if not queries.models(sources.lake()):
                elements.nothing_yet("No passage is embedded.", "embed")
            return
        other_models()
        hits = find(query)
        if not hits:
            st.info("Nothing that was said comes near this. Try other words.", icon=":material/search_off:")
        for position, hit in enumerate(hits):
            show(position, hit, views.terms(query))


page()
