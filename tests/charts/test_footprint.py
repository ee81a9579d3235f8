"""The kind profile fits a laptop: what all of its pods ask for together, Airflow and the operators left out."""

import re
from typing import Any

from tests.charts.conftest import pod_templates, pods

DAGS = (
    ("fetch_metadata", "transcribe", "embed", "similarity"),
    ("train_als", "recommend", "evaluate", "publish"),
    ("maintain",),
)
"""Each DAG runs one stage at a time, so the largest of each counts."""
UNITS = {"": 1, "Mi": 2**20, "Gi": 2**30, "m": 0.001}


def quantity(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)(m|Mi|Gi|)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def asked(pod: dict[str, Any], what: str) -> float:
    return sum(quantity(container["resources"]["requests"][what]) for container in pod["containers"])


def test_the_kind_profile_asks_for_at_most_3_cpu_and_8_gib(render, profile, capsys) -> None:
    objects = render(profile("kind"))
    stages = {stage: template["spec"] for stage, template in pod_templates(objects).items()}
    rows: list[tuple[str, float, float]] = []
    for where, pod in pods(objects).items():
        if where.split("/")[0] in ("Deployment", "StatefulSet", "Job"):
            rows.append((where, asked(pod, "cpu"), asked(pod, "memory")))
    rows += [
        (f"largest of {', '.join(dag)}", max(asked(stages[stage], "cpu") for stage in dag), max(asked(stages[stage], "memory") for stage in dag))
        for dag in DAGS
    ]
    (pool,) = (one for one in objects if one["kind"] == "KafkaNodePool")
    rows.append(("KafkaNodePool", quantity(pool["spec"]["resources"]["requests"]["cpu"]), quantity(pool["spec"]["resources"]["requests"]["memory"])))
    (kafka,) = (one for one in objects if one["kind"] == "Kafka")
    for operator in ("topicOperator", "userOperator"):
        requests = kafka["spec"]["entityOperator"][operator]["resources"]["requests"]
        rows.append((f"Kafka {operator}", quantity(requests["cpu"]), quantity(requests["memory"])))
    cpu, memory = sum(row[1] for row in rows), sum(row[2] for row in rows)
    with capsys.disabled():
        print("\nkind profile, requests")
        for row, row_cpu, row_memory in [*rows, ("together", cpu, memory)]:
            print(f"  {row:<60} {row_cpu:6.2f} CPU {row_memory / 2**30:6.2f} GiB")
    assert cpu <= 3
    assert memory <= 8 * 2**30
