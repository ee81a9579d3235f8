"""A stage ends with exit code 0, 1 or 2, and says why in one JSON line."""

import argparse
import json
import os
import signal
from pathlib import Path

import pytest

from jobs.shared.entry import Report, main
from jobs.shared.errors import SettingsError, StorageError
from jobs.shared.settings import StageSettings


class Example(StageSettings):
    batch: int = 8
    """Items at once."""


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return dict(json.loads(capsys.readouterr().err.strip().splitlines()[-1]))


def run(start: object, *argv: str) -> int:
    return main("example", Example, start, doc="Reads a, writes b.", argv=list(argv))  # type: ignore[arg-type]


def test_a_report_ends_with_0_and_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda settings, arguments: Report(read=3, written=2, failed=1, details={"reasons": {"http-404": 1}})) == 0
    line = last_line(capsys)
    assert (line["message"], line["stage"], line["read"], line["failed"]) == ("report", "example", 3, 1)
    assert line["reasons"] == {"http-404": 1}


@pytest.mark.parametrize(("error", "code"), [(StorageError("no broker at x"), 1), (SettingsError("batch: too big"), 2), (KeyboardInterrupt(), 1)])
def test_an_error_ends_with_its_code(capsys: pytest.CaptureFixture[str], error: BaseException, code: int) -> None:
    def start(settings: Example, arguments: argparse.Namespace) -> Report:
        raise error

    assert run(start) == code
    assert str(error) in str(last_line(capsys)["error"])


def test_a_bug_is_not_swallowed() -> None:
    def start(settings: Example, arguments: argparse.Namespace) -> Report:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(start)


def test_a_terminated_pod_ends_with_1_after_cleaning_up() -> None:
    cleaned = []

    def start(settings: Example, arguments: argparse.Namespace) -> Report:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)
        return Report()

    assert run(start) == 1
    assert cleaned


def test_a_missing_settings_file_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda settings, arguments: Report(), "--config", str(tmp_path / "none.yaml")) == 2
    assert "none.yaml" in str(last_line(capsys)["error"])


def test_help_shows_the_contract_and_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(lambda settings, arguments: Report(), "--help")
    shown = capsys.readouterr().out
    assert end.value.code == 0
    assert "Reads a, writes b." in shown
    assert "batch (int, default 8)  Items at once." in shown
