"""What the pages are connected to: opened once a process, shared by all sessions."""

import streamlit as st

from dashboard.queries.lake import Lake
from dashboard.settings import DashboardSettings
from jobs.shared.ports import DocumentReader, Encoder
from jobs.shared.settings import config_path, load
from jobs.shared.storage.encoder import open_encoder
from jobs.shared.storage.mongo import MongoStore


@st.cache_resource(show_spinner=False)
def settings() -> DashboardSettings:
    return load(DashboardSettings, config_path(None))


@st.cache_resource(show_spinner=False)
def lake() -> Lake:
    return Lake(settings().lake)


@st.cache_resource(show_spinner=False)
def documents() -> DocumentReader:
    return MongoStore(settings().mongo)


@st.cache_resource(show_spinner="Loading the language model …")
def encoder() -> Encoder:
    return open_encoder(settings().encoder)
