"""The dashboard's frame: `streamlit run dashboard/app.py`."""

import sys
from pathlib import Path

# Streamlit puts the script's own folder on the path, and not the one that holds `dashboard` and `jobs`.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

import streamlit as st  # noqa: E402  # after the path

st.set_page_config(page_title="Earshot", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
st.navigation(
    [
        st.Page("pages/for_you.py", title="For you", icon=":material/headphones:", default=True),
        st.Page("pages/live.py", title="Live", icon=":material/monitoring:"),
        st.Page("pages/producers.py", title="Producers", icon=":material/mic:"),
        st.Page("pages/search.py", title="Search", icon=":material/search:"),
        st.Page("pages/pipeline.py", title="Pipeline", icon=":material/account_tree:"),
    ]
).run()
