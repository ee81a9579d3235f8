"""The chart, rendered by Helm's own library without a cluster."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import Chart

CHART = Path(__file__).parents[2] / "charts" / "earshot"
PROFILES = ("kind", "external", "ha")

Objects = list[dict[str, Any]]
Render = Callable[..., Objects]


@pytest.fixture(scope="session")
def chart() -> Chart:
    return Chart.load(str(CHART))


@pytest.fixture(scope="session")
def profile() -> Callable[[str], dict[str, Any]]:
    """The values of one of the modes in `ci/`."""

    def read(name: str) -> dict[str, Any]:
        return copy.deepcopy(yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text(encoding="utf-8")))

    return read


@pytest.fixture(scope="session")
def render(chart: Chart) -> Render:
    """All objects of a release, in the order of their kinds and names; pod templates of Airflow stay inside their ConfigMap."""

    def objects(values: dict[str, Any] | None = None, name: str = "earshot", namespace: str = "platform") -> Objects:
        files = chart.render(values or {}, name=name, namespace=namespace)
        found = [
            document
            for path, text in files.items()
            if path.endswith(".yaml")
            for document in yaml.safe_load_all(re.sub(r"^---\s*$", "---", text, flags=re.MULTILINE))
            if document
        ]
        return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))

    return objects


def pod_templates(objects: Objects) -> dict[str, dict[str, Any]]:
    """What Airflow starts, by stage."""
    (found,) = (one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["labels"]["app.kubernetes.io/component"] == "pod-templates")
    return {name.removesuffix(".yaml"): yaml.safe_load(text) for name, text in found["data"].items()}


def pods(objects: Objects) -> dict[str, dict[str, Any]]:
    """Every pod spec that the release or Airflow starts, by the object's kind and name; SparkApplications are not among them."""
    found: dict[str, dict[str, Any]] = {}
    for one in objects:
        spec = one.get("spec", {})
        key = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            found[key] = spec
        elif one["kind"] == "ScaledJob":
            found[key] = spec["jobTargetRef"]["template"]["spec"]
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            found[key] = spec["template"]["spec"]
    for stage, template in pod_templates(objects).items():
        if template["kind"] == "Pod":
            found[f"stage/{stage}"] = template["spec"]
    return found
