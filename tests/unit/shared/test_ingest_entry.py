"""fetch_metadata and transcribe end with a code and a message that say what is wrong and where."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.fetch_metadata import __main__ as fetch_metadata
from jobs.fetch_metadata.settings import FetchMetadataSettings
from jobs.shared.entry import main
from jobs.transcribe import __main__ as transcribe
from jobs.transcribe.settings import TranscribeSettings

STAGES: dict[str, tuple[Any, Any]] = {
    "fetch_metadata": (FetchMetadataSettings, fetch_metadata.start),
    "transcribe": (TranscribeSettings, transcribe.start),
}
BASE = {"lake": {"uri": "lake"}, "kafka": {"bootstrap_servers": "127.0.0.1:9", "timeout_s": 1}}


def end(stage: str, values: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(BASE | {"lake": {"uri": str(tmp_path / "lake")}} | values))
    settings, start = STAGES[stage]
    code = main(stage, settings, start, doc="", argv=["--config", str(config)])
    return code, json.loads(capsys.readouterr().err.strip().splitlines()[-1])


@pytest.mark.parametrize(
    ("stage", "values", "words"),
    [
        ("fetch_metadata", {"episode_per_feed": 3}, "did you mean episodes_per_feed"),
        ("fetch_metadata", {"episodes_per_feed": 0}, "episodes_per_feed: Input should be greater than or equal to 1"),
        ("fetch_metadata", {"languages": ["English"]}, "primary language tag"),
        ("fetch_metadata", {"podcast_index": {"trending": True}}, "EARSHOT_PODCAST_INDEX__KEY and EARSHOT_PODCAST_INDEX__SECRET"),
        ("fetch_metadata", {"podcast_index": {"key": "abc"}}, "EARSHOT_PODCAST_INDEX__KEY"),
        ("fetch_metadata", {"opml": ["/no/such/file.opml"]}, "/no/such/file.opml"),
        ("transcribe", {"whisper": {"device": "tpu"}}, "'auto', 'cpu' or 'cuda'"),
        ("transcribe", {"whisper": {"workers": 0}}, "whisper.workers"),
        ("transcribe", {"max_attempts": 0}, "max_attempts"),
    ],
)
def test_wrong_settings_end_with_2_and_name_the_key(stage: str, values: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = end(stage, values, tmp_path, capsys)
    assert code == 2
    assert words in line["error"]


@pytest.mark.parametrize(("stage", "values"), [("fetch_metadata", {"feeds": ["https://e.org/feed"]}), ("transcribe", {})])
def test_a_broker_that_is_down_ends_with_1_and_is_named(stage: str, values: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = end(stage, values, tmp_path, capsys)
    assert code == 1
    assert "127.0.0.1:9" in line["error"]


def test_a_lake_that_cannot_be_read_ends_with_1_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "lake" / "podcasts" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("damaged")
    code, line = end("fetch_metadata", {"feeds": ["https://e.org/feed"]}, tmp_path, capsys)
    assert code == 1
    assert "podcasts" in line["error"]


def test_without_any_feed_there_is_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = end("fetch_metadata", {}, tmp_path, capsys)
    assert (code, line["nothing_to_do"]) == (0, True)
