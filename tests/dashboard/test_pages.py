"""Every page on the planted lake, on an empty one, and with something down."""

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import sources
from jobs.shared.settings import LakeSettings
from jobs.shared.storage.memory import MemoryEncoder, MemoryStore
from tests.support import planted_lake as story

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("for_you", "live", "producers", "search", "pipeline")
CLOSED = "mongodb://127.0.0.1:1"

Open = Callable[..., AppTest]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    """Opens a page on a lake; with a store of documents, or with a MongoDB that does not answer."""

    def run(name: str, lake: str, store: MemoryStore | None = None) -> AppTest:
        config = tmp_path / "dashboard.yaml"
        config.write_text(f"lake: {{uri: {lake}}}\nmongo: {{uri: '{CLOSED}', timeout_s: 0.2}}\n")
        monkeypatch.setenv("EARSHOT_CONFIG", str(config))
        st.cache_resource.clear()
        monkeypatch.setattr(sources, "encoder", MemoryEncoder)
        if store is not None:
            monkeypatch.setattr(sources, "documents", lambda: store)
        tested = AppTest.from_file(str(ROOT / "dashboard" / "pages" / f"{name}.py"), default_timeout=60).run()
        assert not tested.exception
        return tested

    return run


def said(page: AppTest) -> str:
    return "\n".join(element.value for kind in (page.title, page.subheader, page.markdown, page.caption, page.info, page.error, page.code) for element in kind)


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_platform_says_nothing_yet_and_how_to_fill_it(page: Open, name: str, tmp_path: Path) -> None:
    shown = page(name, str(tmp_path / "nothing"), MemoryStore())
    assert any("Nothing yet" in info.value and "python -m jobs." in info.value for info in shown.info)
    assert not shown.error


@pytest.mark.parametrize("name", PAGES)
def test_an_outage_is_shown_as_one_with_what_and_where(page: Open, name: str, tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("no folder")
    shown = page(name, str(tmp_path / "lake"))
    assert any("Outage" in error.value for error in shown.error)
    where = "127.0.0.1:1" if name == "for_you" else str(tmp_path / "lake")
    assert any(where in code.value for code in shown.code)
    assert not any("Nothing yet" in info.value for info in shown.info)


def test_for_you_shows_the_list_its_reasons_and_what_is_similar(page: Open, planted: LakeSettings, documents: MemoryStore) -> None:
    shown = page("for_you", planted.uri, documents)
    text = said(shown)
    assert text.index("Old ovens") < text.index("Oolong")
    assert metrics(shown)["Score"]
    # The hostile title is escaped, and its javascript: address is neither linked nor played.
    assert "<script>" not in text.replace("\\<", "")
    assert "No audio link" in text
    assert not any(element.allow_html for element in shown.markdown)
    shown.button(key="play-1-e3").click().run()
    assert not shown.exception
    assert len(shown.get("audio")) == 1


def test_for_you_welcomes_an_unknown_listener_with_the_default_list(page: Open, planted: LakeSettings, documents: MemoryStore) -> None:
    documents.delete(story.FINAL_RECOMMENDATIONS, "u01")
    shown = page("for_you", planted.uri, documents)
    assert any("Welcome" in info.value for info in shown.info)
    assert "Rockets that land" in said(shown)


def test_live_shows_the_window_and_follows_its_choice(page: Open, planted: LakeSettings) -> None:
    shown = page("live", planted.uri)
    assert metrics(shown) == {"Events": "53", "Listeners": "12", "Plays": "18", "Completion": "58 %"}
    assert shown.dataframe[0].value["title"].tolist() == ["Starters, with Ada", "Rockets that land, with Di"]
    shown.session_state["window"] = "30 days"
    shown.run()
    assert metrics(shown)["Events"] == str(len(list(story.acts())))


def test_producers_see_a_show_and_no_small_cells(page: Open, planted: LakeSettings) -> None:
    shown = page("producers", planted.uri)
    assert metrics(shown)["Listeners"] == "6"
    assert "1 bucket left out: fewer than 5 unique listeners" in said(shown)
    shown.selectbox[0].select(story.TEA).run()
    assert not shown.exception
    # e8 was heard by three.
    assert shown.dataframe[0].value["title"].tolist() == ["Oolong, with Gus"]
    assert "left out: fewer than 5" in said(shown)


def test_search_lands_on_the_second(page: Open, planted: LakeSettings) -> None:
    shown = page("search", planted.uri)
    shown.text_input[0].input("cinnamon jar").run()
    assert not shown.exception
    text = said(shown)
    assert "### 7:10" in text
    assert ":orange-background[cinnamon] :orange-background[jar]" in text


def test_pipeline_still_shows_the_tables_while_mongodb_is_down(page: Open, planted: LakeSettings) -> None:
    shown = page("pipeline", planted.uri)
    assert any(CLOSED in code.value for code in shown.code)
    assert shown.dataframe[-1].value.set_index("table")["rows"]["user_events"] == len(list(story.acts()))


def test_pipeline_shows_the_live_generation_and_why_another_was_refused(page: Open, planted: LakeSettings, documents: MemoryStore) -> None:
    shown = page("pipeline", planted.uri, documents)
    assert shown.selectbox[0].value == story.LIVE
    assert metrics(shown) == {"Documents in final recommendations": "2", "Documents in similar episodes": "1"}
    refused = next(frame.value for frame in shown.dataframe if "verdict" in frame.value)
    assert refused["reason"].tolist() == ["ndcg@10 0.1200 is clearly below live 0.3100"]


def test_wrong_settings_are_named(page: Open, tmp_path: Path) -> None:
    shown = page("live", "ftp://nowhere")
    assert any("Misconfigured" in error.value for error in shown.error)
    assert any("lake.uri" in code.value for code in shown.code)


def test_the_app_opens_on_the_first_page(page: Open, planted: LakeSettings, documents: MemoryStore) -> None:
    page("for_you", planted.uri, documents)
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=60).run()
    assert not app.exception
    assert app.title[0].value == "For you"
