"""Derives strict JSON Schemas from custom resource definitions: python -m tests.charts.crds FOLDER."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
KINDS = ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "SparkApplication", "MongoDBCommunity")
KEPT = (
    "type",
    "properties",
    "items",
    "required",
    "enum",
    "additionalProperties",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "minimum",
    "maximum",
    "pattern",
    "minItems",
)


def strict(schema: Any) -> Any:
    """The schema without prose, closed where properties are listed."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key in KEPT:
        value = schema.get(key)
        if key not in schema:
            continue
        if key == "properties":
            kept[key] = {name: strict(inner) for name, inner in value.items()}
        elif key in ("oneOf", "anyOf", "allOf"):
            kept[key] = [strict(inner) for inner in value]
        else:
            kept[key] = strict(value) if isinstance(value, dict) else value
    if schema.get("x-kubernetes-int-or-string"):
        kept.pop("type", None)
    if "properties" in kept and kept.get("type") == "object" and "additionalProperties" not in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept["additionalProperties"] = False
    return kept


def derive(folder: Path) -> dict[str, Any]:
    """Schemas by apiVersion/kind, of every definition below the folder that the chart uses."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if not document or document.get("kind") != "CustomResourceDefinition" or document["spec"]["names"]["kind"] not in KINDS:
                continue
            for version in document["spec"]["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
                found[f"{document['spec']['group']}/{version['name']}/{document['spec']['names']['kind']}"] = schema
    return found


if __name__ == "__main__":
    text = json.dumps(derive(Path(sys.argv[1])), sort_keys=True, separators=(",", ":"))
    (HERE / "schemas.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
