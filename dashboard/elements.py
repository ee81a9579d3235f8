"""Pieces of layout that pages share: what is missing, what is down, play on demand."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.queries.lake import MissingTable
from dashboard.views.text import clock, web_address, without_colour
from jobs.shared.errors import SettingsError, StorageError


@contextmanager
def reported() -> Iterator[None]:
    """Show an outage as an outage and a table without rows as "nothing yet", in the place of what the body would have drawn."""
    try:
        yield
    except MissingTable as missing:
        nothing_yet(f"The table `{missing.table.name}` was never written.", missing.table.written_by)
    except SettingsError as error:
        st.error("**Misconfigured.** The dashboard cannot start with these settings:", icon=":material/settings_alert:")
        st.code(str(error), language=None, wrap_lines=True)
    except StorageError as error:
        st.error("**Outage.** Something that this part of the page reads from cannot be reached:", icon=":material/cloud_off:")
        st.code(without_colour(str(error)), language=None, wrap_lines=True)


def nothing_yet(what: str, stage: str) -> None:
    """Say what is empty and which command fills it."""
    st.info(
        f"**Nothing yet.** {what} To fill it, run `python -m jobs.{stage} --config FILE`, or `make demo` for the whole pipeline.",
        icon=":material/hourglass_empty:",
    )


def player(key: str, audio_url: str, start_s: float = 0.0) -> None:
    """A play button and a link; the audio is only fetched, by the browser, once somebody asks for it."""
    address = web_address(audio_url)
    if address is None:
        st.caption("No audio link")
        return
    start = int(start_s)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(f"Play from {clock(start)}" if start else "Play", key=f"play-{key}", icon=":material/play_arrow:"):
            st.session_state["playing"] = key
        st.link_button("Open audio", f"{address.split('#', 1)[0]}#t={start}" if start else address, icon=":material/open_in_new:", type="tertiary")
    if st.session_state.get("playing") == key:
        st.audio(address, start_time=start, autoplay=True)
