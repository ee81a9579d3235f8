"""The rendered profiles that lie beside this test: a change of the chart shows in them. New ones: make chart."""

import os
import re
from pathlib import Path

import pytest
import yaml

from tests.charts.conftest import PROFILES

GOLDENS = Path(__file__).parent / "goldens"


def golden(objects: list) -> str:
    for one in objects:
        if one["kind"] == "Secret":
            one["data"] = dict.fromkeys(one["data"], "made at install")
    return yaml.safe_dump_all(objects, sort_keys=False, width=160)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_renders_as_it_did(render, profile, name: str) -> None:
    path = GOLDENS / f"{name}.yaml"
    text = golden(render(profile(name)))
    if os.environ.get("EARSHOT_TEST_GOLDENS") == "write":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "if the change is meant, look at it and run: make chart"


def test_no_golden_holds_a_password() -> None:
    for path in GOLDENS.glob("*.yaml"):
        assert not re.search(r"(?i)password: [A-Za-z0-9+/=]{20,}$", path.read_text(encoding="utf-8"), re.MULTILINE)
