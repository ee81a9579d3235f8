"""Values are refused where they make no sense, and the chart's facts about the stages are the code's."""

import importlib
import re
from pathlib import Path

import pytest
import yaml
from helm_python import HelmError, lint

from charts.schema import CHART, SCHEMA, settings_model, text
from jobs.shared import topics
from jobs.shared.settings import fields, load
from tests.charts.conftest import PROFILES

STAGES = yaml.safe_load((CHART / "files" / "stages.yaml").read_text(encoding="utf-8"))
EXTERNAL = {"kafka": {"mode": "external", "external": {"bootstrapServers": "broker:9092"}}}


def test_the_schema_is_made_of_the_settings_models_of_today() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == text(), "run: make chart"


@pytest.mark.parametrize("name", PROFILES)
def test_lint_finds_nothing(name: str) -> None:
    result = lint(str(CHART), values=yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text(encoding="utf-8")), strict=True)
    assert [message["error"] for message in result["messages"] if message["error"] != "icon is recommended"] == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"dashbord": {"enabled": True}}, "dashbord"),
        ({"kafka": {"mode": "embedded"}}, "mode"),
        ({"dashboard": {"replicas": "two"}}, "replicas"),
        ({"stages": {"transcribe": {"config": {"wisper": {}}}}}, "wisper"),
        ({"stages": {"transcribe": {"config": {"whisper": {"device": "tpu"}}}}}, "device"),
        ({"stages": {"transcribe": {"config": {"kafka": {"password": "x"}}}}}, "password"),
        ({"mongodb": {"external": {"uri": "mongodb://me:secret@host"}}}, "uri"),
        ({"stages": {"embed": {"resources": {"request": {"cpu": "1"}}}}}, "request"),
    ],
)
def test_the_schema_refuses(chart, values: dict, named: str) -> None:
    with pytest.raises(HelmError, match=named):
        chart.render(values, name="earshot", namespace="platform")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"kafka": {"mode": "external"}}, "kafka.external.bootstrapServers"),
        ({"kafka": {"mode": "external", "external": {"bootstrapServers": "b:1", "username": "me"}}}, "kafka.external.existingSecret"),
        (EXTERNAL | {"mongodb": {"mode": "external"}}, "mongodb.external.uri"),
        (EXTERNAL | {"dashboard": {"login": {"enabled": True}}}, "dashboard.login.existingSecret"),
    ],
)
def test_a_missing_choice_is_named(render, values: dict, told: str) -> None:
    with pytest.raises(HelmError, match=re.escape(told)):
        render(values)


def test_the_chart_has_every_stage_of_the_code() -> None:
    packages = {path.parent.name for path in (Path(CHART).parents[1] / "jobs").glob("*/settings.py")} - {"shared"}
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert set(STAGES) == packages == set(values["stages"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_given_the_sections_that_its_settings_have(stage: str) -> None:
    sections = {name.split(".")[0] for name in fields(settings_model(f"jobs.{stage}"))} & {"lake", "kafka", "mongo", "spark"}
    assert set(STAGES[stage]["uses"]) == sections
    assert (STAGES[stage]["engine"] == "spark") == ("spark" in sections)


@pytest.mark.parametrize("name", PROFILES)
def test_each_rendered_settings_file_is_accepted_by_its_stage(render, profile, tmp_path, name: str) -> None:
    configs = {one["metadata"]["name"].removeprefix("earshot-"): one for one in render(profile(name)) if one["metadata"]["name"].endswith("-config")}
    assert len(configs) == len(STAGES) + 1
    for config, one in configs.items():
        package = config.removesuffix("-config").replace("-", "_")
        path = tmp_path / f"{config}.yaml"
        path.write_text(one["data"]["config.yaml"], encoding="utf-8")
        load(settings_model("dashboard" if package == "dashboard" else f"jobs.{package}"), path)


def test_the_topics_are_those_of_the_code() -> None:
    declared = yaml.safe_load((CHART / "files" / "topics.yaml").read_text(encoding="utf-8"))
    assert declared == [
        {"name": one.name, "partitions": one.partitions, "config": {key: str(value) for key, value in one.config.items()}} for one in topics.ALL
    ]


def test_the_consumer_group_that_scaling_watches_is_the_stages() -> None:
    source = Path(importlib.import_module("jobs.transcribe.job").__file__ or "").parent
    assert any('"transcribe"' in path.read_text(encoding="utf-8") for path in source.glob("*.py"))
