"""How a stage becomes a task: the pod's shape comes from the chart, this says only how Airflow treats it."""

import itertools
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.operators.spark_kubernetes import SparkKubernetesOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

TEMPLATES = os.environ.get("EARSHOT_POD_TEMPLATES", "/opt/airflow/pod-templates")
"""Folder with one file a stage, which the chart renders."""
NAMESPACE = os.environ.get("EARSHOT_NAMESPACE", "earshot")
SPARK_MODE = os.environ.get("EARSHOT_SPARK_MODE", "pod")
SPARK_STAGES = ("embed", "similarity", "train_als", "recommend")
"""Stages that the Spark operator runs where spark.mode is operator."""
LONG_STAGES = ("transcribe", "embed", "stream_events", "recommend")
"""They wait in the triggerer, where a wait costs no worker."""
MISCONFIGURED = 2
"""Exit code of a stage that no second try can help."""

DEFAULTS: dict[str, Any] = {
    "owner": "earshot",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
    "execution_timeout": timedelta(hours=6),
}


class ExitCodes:
    """Tells a stage that is to be tried again from one that is misconfigured, by its exit code."""

    base_container_name: str

    def cleanup(self, pod: Any, remote_pod: Any, *arguments: Any, **named: Any) -> None:
        """As the operator does, but exit code 2 fails the task for good."""
        try:
            super().cleanup(pod, remote_pod, *arguments, **named)  # type: ignore[misc]
        except AirflowException as error:
            if exit_code(remote_pod, self.base_container_name) == MISCONFIGURED:
                raise AirflowFailException("the stage is misconfigured: its last log line names the setting; no retry can help") from error
            raise


def exit_code(pod: Any, container: str) -> int | None:
    """What the container of a pod ended with; None while it runs or where it never started."""
    for status in (pod.status.container_statuses if pod and pod.status else None) or ():
        if status.name == container and status.state and status.state.terminated:
            return int(status.state.terminated.exit_code)
    return None


class StagePod(ExitCodes, KubernetesPodOperator):
    """A stage as one pod."""


class StageSpark(ExitCodes, SparkKubernetesOperator):
    """A stage as a SparkApplication."""


def pool(stage: str) -> str:
    """The pool of one slot that keeps one run of a stage, and so one writer a table, over all DAGs."""
    return f"earshot_{stage}"


def stage(name: str, arguments: tuple[str, ...] = ()) -> Any:
    """The task of a stage, in the DAG of the surrounding `with`."""
    common: dict[str, Any] = {
        "task_id": name,
        "pool": pool(name),
        "namespace": NAMESPACE,
        "get_logs": True,
        "do_xcom_push": False,
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 900,
        "random_name_suffix": True,
        # Said outright: without a stored connection the triggerer would look for a kubeconfig when a deferred task comes back.
        "in_cluster": True,
    }
    if name in SPARK_STAGES and SPARK_MODE == "operator":
        return StageSpark(**common, application_file=f"{name}.yaml", name=f"earshot-{name.replace('_', '-')}", delete_on_termination=True)
    return StagePod(
        **common,
        name=f"earshot-{name.replace('_', '-')}",
        pod_template_file=str(Path(TEMPLATES) / f"{name}.yaml"),
        arguments=list(arguments) or None,
        deferrable=name in LONG_STAGES,
        logging_interval=30,
        # A pod that failed stays for `kubectl logs` and `describe`; the next try is a new one.
        on_finish_action="delete_succeeded_pod",
    )


def one_after_the_other(*tasks: Any) -> None:
    """Each task waits for the one before it."""
    for before, after in itertools.pairwise(tasks):
        before >> after
