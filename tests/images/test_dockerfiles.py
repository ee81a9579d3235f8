"""Every image is pinned, labelled, runs as a user of its own, and every stage has one."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = {path.parent.name: path.read_text(encoding="utf-8") for path in (ROOT / "images").glob("*/Dockerfile")}
STAGES = yaml.safe_load((ROOT / "charts" / "earshot" / "files" / "stages.yaml").read_text(encoding="utf-8"))
UPSTREAM_USER = {"airflow"}
"""The official image's own user, which is no root."""


def instructions(text: str) -> list[str]:
    joined = re.sub(r"\\\n", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def test_every_stage_has_an_image_that_starts_it() -> None:
    for stage in STAGES:
        text = FILES[stage.replace("_", "-")]
        assert f"COPY jobs/{stage} jobs/{stage}" in text
        assert f'"jobs.{stage}"' in text or f"EARSHOT_IMAGE_STAGE={stage}" in text
        assert f"requirements/{stage}.txt" in text


def test_the_engine_of_a_stage_decides_its_base() -> None:
    for stage, facts in STAGES.items():
        assert f"ARG BASE=earshot-base-{facts['engine']}:" in FILES[stage.replace("_", "-")]


@pytest.mark.parametrize("name", FILES)
def test_public_bases_are_pinned_by_tag(name: str) -> None:
    for line in instructions(FILES[name]):
        if line.startswith("FROM") and "${BASE}" not in line and line.split()[1] not in ("java", "build"):
            assert re.fullmatch(r"FROM [a-z/]+:[a-z0-9.-]*[0-9a-z](-[a-z]+)*( AS \w+)?", line), line
            assert "latest" not in line


@pytest.mark.parametrize("name", FILES)
def test_nothing_runs_as_root(name: str) -> None:
    lines = instructions(FILES[name])
    last = len(lines) - 1 - next(i for i, line in enumerate(reversed(lines)) if line.startswith("FROM"))
    users = [line.split()[1] for line in lines[last:] if line.startswith("USER")]
    inherits = lines[last] == "FROM ${BASE}" or name in UPSTREAM_USER
    assert users[-1:] == ["10001:10001"] or (inherits and not users)


@pytest.mark.parametrize("name", FILES)
def test_every_image_says_what_it_is_and_under_which_licence(name: str) -> None:
    for label in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{label}=" in FILES[name]
    assert f'title="earshot-{name}"' in FILES[name]


@pytest.mark.parametrize("name", FILES)
def test_lists_are_copied_so_that_every_builder_notices_a_change(name: str) -> None:
    assert "--mount=type=bind" not in FILES[name]


def test_the_version_of_the_bases_is_the_projects() -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    chart = yaml.safe_load((ROOT / "charts" / "earshot" / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == version
    for text in FILES.values():
        for base in re.findall(r"^ARG BASE=earshot-[a-z-]+:(.*)$", text, re.MULTILINE):
            assert base == version
