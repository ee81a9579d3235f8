"""Writes charts/earshot/values.schema.json: the shape of values.yaml, with each stage's `config` taken from its settings model.

python charts/schema.py [--check]
"""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from jobs.shared.settings import StageSettings, chart_schema  # noqa: E402 (the repository is no installed package here)

CHART = ROOT / "charts" / "earshot"
SCHEMA = CHART / "values.schema.json"

Schema = dict[str, Any]

QUANTITIES: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
RESOURCES: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"requests": QUANTITIES, "limits": QUANTITIES},
}
MEMORY: Schema = {"type": "string", "pattern": "^[0-9]+[mg]$"}
STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
SCHEDULING: dict[str, Schema] = {"nodeSelector": STRINGS, "tolerations": OBJECTS, "affinity": {"type": "object"}}

BY_NAME: dict[str, Schema] = SCHEDULING | {
    "resources": RESOURCES,
    "entityOperatorResources": RESOURCES,
    "agentResources": RESOURCES,
    "topologySpreadConstraints": OBJECTS,
    "imagePullSecrets": OBJECTS,
    "heap": MEMORY,
    "driverMemory": MEMORY,
    "memoryOverhead": MEMORY,
    "annotations": STRINGS,
    "labels": STRINGS,
    "replicas": {"type": "integer", "minimum": 0},
    "serviceAccounts": {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}},
        },
    },
}
"""Keys that mean the same wherever they stand."""

BY_PATH: dict[str, Schema] = {
    "global.imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "kafka.mode": {"enum": ["strimzi", "external"]},
    "kafka.external.securityProtocol": {"enum": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]},
    "kafka.external.saslMechanism": {"enum": ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]},
    "kafka.external.topicPrefix": {"type": "string", "pattern": "^[a-zA-Z0-9._-]{0,100}$"},
    "kafka.strimzi.replicas": {"type": "integer", "minimum": 1},
    "mongodb.mode": {"enum": ["standalone", "operator", "external"]},
    "mongodb.external.uri": {"type": "string", "pattern": r"^($|mongodb(\+srv)?://[^@]+$)"},
    "objectStore.mode": {"enum": ["minio", "external"]},
    "objectStore.bucket": {"type": "string", "pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"},
    "objectStore.external.endpointUrl": {"type": "string", "pattern": "^($|https?://)"},
    "spark.mode": {"enum": ["pod", "operator"]},
}
PLAIN: dict[type, Schema] = {bool: {"type": "boolean"}, int: {"type": "integer", "minimum": 0}, list: {"type": "array"}, str: {"type": "string"}}
OPEN = {"global"}
"""Helm itself puts keys of a parent chart here."""


def shape(value: Any, path: str = "") -> Schema:
    """The schema of a default value: the same type, no other keys."""
    name = path.rsplit(".", 1)[-1]
    if path in BY_PATH:
        return BY_PATH[path]
    if name in BY_NAME:
        return BY_NAME[name]
    if isinstance(value, dict):
        properties = {key: shape(inner, f"{path}.{key}".lstrip(".")) for key, inner in value.items()}
        return {"type": "object", "additionalProperties": path in OPEN, "properties": properties}
    return next(dict(schema) for kind, schema in PLAIN.items() if isinstance(value, kind))


def settings_model(package: str) -> type[StageSettings]:
    """The one settings model of a stage or of the dashboard."""
    module = importlib.import_module(f"{package}.settings")
    (model,) = (
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, StageSettings) and found is not StageSettings and found.__module__ == module.__name__
    )
    return model


def schema() -> Schema:
    """The whole schema of the chart's values."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    stages = values["stages"]
    whole = shape(values)
    for stage in stages:
        properties = whole["properties"]["stages"]["properties"][stage]["properties"]
        properties |= SCHEDULING | {"extraEnv": OBJECTS, "config": chart_schema(settings_model(f"jobs.{stage}"))}
    whole["properties"]["dashboard"]["properties"]["config"] = chart_schema(settings_model("dashboard"))
    return {"$schema": "http://json-schema.org/draft-07/schema#"} | whole


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=1) + "\n"


def main() -> int:
    """Write the file, or say whether it is up to date."""
    parser = argparse.ArgumentParser(description="Write the schema of the chart's values.")
    parser.add_argument("--check", action="store_true", help="only say whether the file is up to date")
    if not parser.parse_args().check:
        SCHEMA.write_text(text(), encoding="utf-8")
        return 0
    return 0 if SCHEMA.exists() and SCHEMA.read_text(encoding="utf-8") == text() else 1


if __name__ == "__main__":
    raise SystemExit(main())
