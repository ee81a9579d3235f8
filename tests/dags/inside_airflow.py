"""What is asserted of the DAGs with Airflow at hand; run by test_dags.py in Airflow's own environment."""

import importlib
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

DAGS = Path(__file__).parents[2] / "dags"
NAMES = ("new_episodes", "recommendations", "maintenance", "demo")
sys.path.insert(0, str(DAGS))


@pytest.fixture(params=["pod", "operator"])
def dags(request, monkeypatch):
    monkeypatch.setenv("EARSHOT_SPARK_MODE", request.param)
    for name in ("stages", *NAMES):
        sys.modules.pop(name, None)
    found = {}
    for name in NAMES:
        module = importlib.import_module(name)
        (found[name],) = (value for value in vars(module).values() if type(value).__name__ == "DAG")
    return SimpleNamespace(mode=request.param, **found)


def everything(dags):
    return [getattr(dags, name) for name in NAMES]


def order(dag):
    (first,) = (task for task in dag.tasks if not task.upstream_list)
    found = [first]
    while found[-1].downstream_list:
        (following,) = found[-1].downstream_list
        found.append(following)
    assert len(found) == len(dag.tasks)
    return [task.task_id for task in found]


def test_every_file_is_a_dag_of_its_name(dags):
    assert {path.stem for path in DAGS.glob("*.py")} - {"stages"} == set(NAMES)
    assert [dag.dag_id for dag in everything(dags)] == list(NAMES)


def test_the_demo_runs_every_stage_in_the_local_runners_order(dags):
    local = json.loads(Path(os.environ["EARSHOT_TEST_ORDER"]).read_text())
    assert order(dags.demo) == local


def test_scheduled_dags_keep_that_order(dags):
    whole = order(dags.demo)
    for dag in everything(dags):
        places = [whole.index(name) for name in order(dag)]
        assert places == sorted(places)


def test_one_run_at_a_time_and_no_past_runs(dags):
    for dag in everything(dags):
        assert dag.max_active_runs == 1
        assert dag.catchup is False
        assert dag.doc_md


def test_every_task_is_retried_bounded_and_owned(dags):
    for dag in everything(dags):
        for task in dag.tasks:
            assert task.retries >= 2
            assert task.execution_timeout <= timedelta(hours=6)
            assert task.owner == "earshot"
            assert task.log_pod_spec_on_failure is False
            assert task.do_xcom_push is False
            assert task.in_cluster is True


def test_a_stage_has_the_same_pool_in_every_dag_and_each_pool_is_declared_with_one_slot(dags):
    declared = json.loads((DAGS / "pools.json").read_text())
    used = {task.pool for dag in everything(dags) for task in dag.tasks}
    assert used == set(declared)
    assert all(pool["slots"] == 1 and pool["include_deferred"] for pool in declared.values())
    assert all(task.pool == f"earshot_{task.task_id}" for dag in everything(dags) for task in dag.tasks)


def test_batch_spark_stages_become_applications_only_with_the_operator(dags):
    kinds = {task.task_id: type(task).__name__ for task in dags.demo.tasks}
    spark = {"embed", "similarity", "train_als", "recommend"}
    assert {name for name, kind in kinds.items() if kind == "StageSpark"} == (spark if dags.mode == "operator" else set())


def test_the_demo_waits_for_the_stream_instead_of_running_a_second_one(dags):
    task = dags.demo.get_task("stream_events")
    assert task.arguments == ["--wait"]


def ended(code):
    state = SimpleNamespace(terminated=SimpleNamespace(exit_code=code))
    return SimpleNamespace(
        status=SimpleNamespace(container_statuses=[SimpleNamespace(name="base", state=state)], phase="Failed"), metadata=SimpleNamespace(name="p")
    )


@pytest.mark.parametrize(("code", "for_good"), [(2, True), (1, False), (137, False)])
def test_only_a_misconfigured_stage_fails_without_another_try(dags, monkeypatch, code, for_good):
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    def failed(*_arguments, **_named):
        raise AirflowException("returned a failure")

    monkeypatch.setattr(KubernetesPodOperator, "cleanup", failed)
    task = dags.maintenance.get_task("maintain")
    with pytest.raises(AirflowException) as caught:
        task.cleanup(ended(code), ended(code))
    assert isinstance(caught.value, AirflowFailException) is for_good
