"""What the chart renders is accepted by the API server, safe to run, and named so that releases keep apart."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.charts.conftest import PROFILES, Objects, pod_templates, pods

CRDS: dict[str, Any] = json.loads(gzip.decompress((Path(__file__).parent / "crds" / "schemas.json.gz").read_bytes()))
UNDESCRIBED = {"keda.sh/v1alpha1/ScaledJob", "monitoring.coreos.com/v1/ServiceMonitor", "gateway.networking.k8s.io/v1/HTTPRoute"}
"""Custom resources whose definitions are not kept here."""
LONG = "quarterly-review-of-podcasts-x"
NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def everything(objects: Objects) -> Objects:
    return [
        *objects,
        *({"metadata": {"name": stage}, **one} | {"metadata": one["metadata"] | {"name": "stage"}} for stage, one in pod_templates(objects).items()),
    ]


def validate(one: dict[str, Any], version: str) -> None:
    kind = f"{one['apiVersion']}/{one['kind']}"
    if kind in UNDESCRIBED:
        return
    if kind in CRDS:
        jsonschema.Draft4Validator(CRDS[kind]).validate(one)
    else:
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("version", ["1.33", "1.34", "1.35", "1.36"])
@pytest.mark.parametrize("name", PROFILES)
def test_every_object_is_valid_for_kubernetes(render, profile, name: str, version: str) -> None:
    for one in everything(render(profile(name))):
        validate(one, version)


def test_the_custom_resource_schemas_refuse_an_unknown_field(render, profile) -> None:
    (kafka,) = (one for one in render(profile("kind")) if one["kind"] == "Kafka")
    kafka["spec"]["kafka"]["replicas"] = 3
    with pytest.raises(jsonschema.ValidationError, match="replicas"):
        validate(kafka, "1.35")


@pytest.mark.parametrize("name", PROFILES)
def test_every_pod_meets_the_restricted_level(render, profile, name: str) -> None:
    found = pods(render(profile(name)))
    assert len(found) > 8
    for where, pod in found.items():
        assert pod["automountServiceAccountToken"] is False, where
        assert pod["securityContext"]["runAsNonRoot"] is True, where
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, where
            assert security["readOnlyRootFilesystem"] is True, where
            assert security["capabilities"] == {"drop": ["ALL"]}, where
        assert all(set(volume) - {"name"} <= {"configMap", "secret", "emptyDir"} for volume in pod.get("volumes", [])), where


def test_drivers_and_executors_of_spark_meet_the_restricted_level(render, profile) -> None:
    applications = [one for one in pod_templates(render(profile("external"))).values() if one["kind"] == "SparkApplication"]
    assert {one["metadata"]["name"] for one in applications} == {"earshot-embed", "earshot-similarity", "earshot-train-als", "earshot-recommend"}
    for application in applications:
        for role in ("driver", "executor"):
            security = application["spec"][role]["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["runAsNonRoot"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("name", PROFILES)
def test_every_container_says_what_it_needs_and_what_it_may_take(render, profile, name: str) -> None:
    for where, pod in pods(render(profile(name))).items():
        for container in pod["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), where
            assert "memory" in container["resources"]["limits"], where


@pytest.mark.parametrize("name", PROFILES)
def test_secrets_reach_containers_by_reference_alone(render, profile, name: str) -> None:
    for where, pod in pods(render(profile(name))).items():
        for container in pod["containers"]:
            for variable in container.get("env", []):
                if re.search(r"PASSWORD|SECRET|KEY", variable["name"]):
                    assert set(variable["valueFrom"]) == {"secretKeyRef"}, where


@pytest.mark.parametrize("name", PROFILES)
def test_every_object_carries_the_recommended_labels(render, profile, name: str) -> None:
    for one in render(profile(name)):
        labels = one["metadata"]["labels"]
        for label in ("name", "instance", "component", "version", "managed-by", "part-of"):
            assert labels[f"app.kubernetes.io/{label}"], one["metadata"]["name"]


@pytest.mark.parametrize("name", PROFILES)
def test_names_fit_with_a_release_name_of_30_characters(render, profile, name: str) -> None:
    assert len(LONG) == 30
    for one in everything(render(profile(name), name=LONG)):
        longest = {"StatefulSet": 52, "Kafka": 40}.get(one["kind"], 63)
        assert len(one["metadata"]["name"]) <= longest, one["metadata"]["name"]
        assert NAME.fullmatch(one["metadata"]["name"].replace(".", "-")), one["metadata"]["name"]


def test_two_releases_in_one_namespace_share_no_object(render, profile) -> None:
    def names(release: str) -> set[tuple[str, str]]:
        return {(one["kind"], one["metadata"]["name"]) for one in render(profile("kind"), name=release)}

    assert not names("earshot") & names("second")


def test_selectors_of_two_releases_keep_apart(render, profile) -> None:
    for one in render(profile("kind"), name="second"):
        selector = one.get("spec", {}).get("selector")
        if one["kind"] in ("Service", "Deployment", "StatefulSet"):
            assert (selector.get("matchLabels") or selector)["app.kubernetes.io/instance"] == "second"


def test_nothing_of_the_cluster_is_taken(render, profile) -> None:
    kinds = {one["kind"] for name in PROFILES for one in render(profile(name))}
    assert not {kind for kind in kinds if kind.startswith("Cluster")}


def test_a_changed_setting_changes_only_the_pods_that_use_it(render, profile) -> None:
    before = {key: json.dumps(one) for key, one in keyed(render(profile("kind"))).items()}
    values = profile("kind")
    values["stages"]["stream_events"] = {"config": {"trigger_interval_s": 7}}
    after = {key: json.dumps(one) for key, one in keyed(render(values)).items()}
    changed = {key for key in before if before[key] != after[key] and key[0] != "Secret"}
    assert changed == {("ConfigMap", "earshot-stream-events-config"), ("Deployment", "earshot-stream-events")}


def keyed(objects: Objects) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def test_a_gpu_is_asked_for_in_one_place(render) -> None:
    values = {
        "stages": {"transcribe": {"gpu": {"enabled": True, "runtimeClassName": "nvidia", "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"}}}}
    }
    objects = render(values | {"kafka": {"mode": "strimzi"}})
    pod = pod_templates(objects)["transcribe"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert pod["nodeSelector"]["cloud.google.com/gke-accelerator"] == "nvidia-l4"
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["runtimeClassName"] == "nvidia"
    (config,) = (one for one in objects if one["metadata"]["name"] == "earshot-transcribe-config")
    assert yaml.safe_load(config["data"]["config.yaml"])["whisper"]["device"] == "cuda"
    assert "gpu" not in json.dumps(pod_templates(objects)["embed"])


def test_a_registry_of_ones_own_stands_before_every_image(render, profile) -> None:
    values = profile("kind") | {"global": {"imageRegistry": "registry.example.org/earshot"}}
    images = {container["image"] for pod in pods(render(values)).values() for container in pod["containers"]}
    assert images
    assert all(image.startswith("registry.example.org/earshot/") for image in images), images
